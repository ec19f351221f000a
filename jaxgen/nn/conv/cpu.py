"""Which form of a convolution, or of one of its gradients, is fast on a CPU.

XLA's own channel groups are slow here, their kernel gradients most of all: groups of one channel are sums of
shifted products, and a few larger ones are taken one after the other.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.nn.conv import depthwise, layout, phases, small, thin
from jaxgen.nn.conv.window import Shape, Window

# Up to this many groups, one convolution after the other beats XLA's grouped convolution.
_FEW_GROUPS = 16


def compute(lhs: jax.Array, rhs: jax.Array, wanted: str, shape: Shape, window: Window) -> jax.Array:
  """One of the three arrays of a convolution from the other two; see `jaxgen.nn.conv.primitive`."""
  kernel = {'k': shape, 'x': lhs.shape, 'y': rhs.shape}[wanted]
  if window.groups == 1:
    return _one_group(lhs, rhs, wanted, shape, window)
  if kernel[-2] == 1:
    return depthwise.FORMS[wanted](lhs, rhs, shape, window)
  if wanted != 'k' and window.groups > _FEW_GROUPS:
    return layout.FORMS[wanted](lhs, rhs, shape, window)
  return _one_by_one(lhs, rhs, wanted, shape, window)


def _one_group(lhs, rhs, wanted, shape, window):
  image, kernel = {'k': (lhs.shape, shape), 'x': (shape, lhs.shape), 'y': (lhs.shape, rhs.shape)}[wanted]
  if small.fits(image, kernel, window.strides):
    return small.FORMS[wanted](lhs, rhs, shape, window)
  if thin.fits(kernel, window):
    return thin.compute(lhs, rhs, wanted, shape, window)
  if wanted == 'x' and phases.fits(window):
    return phases.input_gradient(lhs, rhs, shape, window)
  return layout.FORMS[wanted](lhs, rhs, shape, window)


def _one_by_one(lhs, rhs, wanted, shape, window):
  """One group after the other, in a loop; all three arrays hold a group's part along their last axis or one before.

  The last axis of a kernel is that of its output channels, so its groups are split there; the axis before has
  one group's input channels already.
  """
  groups = window.groups
  part = (*shape[:-1], shape[-1] // groups)

  def split(array):
    return jnp.moveaxis(array.reshape(*array.shape[:-1], groups, array.shape[-1] // groups), -2, 0)

  def of_group(pair):
    return _one_group(pair[0], pair[1], wanted, part, window._replace(groups=1))

  out = lax.map(of_group, (split(lhs), split(rhs)))
  return jnp.moveaxis(out, 0, -2).reshape(shape)
