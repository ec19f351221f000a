"""The input gradient of a strided convolution on a CPU, without the zeros between the strides.

Pixels of the input whose places leave the same remainder by the stride, a phase, meet the same pixels of the kernel,
and no others. So each phase is a convolution of `y`, of stride one, with its part of the kernel, and the phases
are interleaved. Spread out by a stride of two instead, three of four products would be with zeros.
"""

import itertools

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.nn.conv.layout import channels_last, dimensions, turned_round
from jaxgen.nn.conv.window import Shape, Window


def fits(window: Window) -> bool:
  """Whether the pixels fall into phases."""
  return max(window.strides) > 1 and max(window.dilation) == 1 and window.groups == 1


def input_gradient(k: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dx[b, a + s i, c] = sum_{j, o} y[b, i + m - j, o] k[r + s j, c, o], `r` the remainder of `a + l` by `s`."""
  spatial = len(window.strides)
  sizes = [-(-size // s) for size, s in zip(shape[1:-1], window.strides, strict=True)]
  phases = [_phase(first, k, y, shape, window) for first in itertools.product(*map(range, window.strides))]
  # [*s, B, *sizes, C] -> [B, size, s, size, s, ..., C]
  dx = jnp.stack(phases).reshape(*window.strides, shape[0], *sizes, shape[-1])
  pairs = [(spatial + 1 + axis, axis) for axis in range(spatial)]
  dx = dx.transpose(spatial, *itertools.chain(*pairs), 2 * spatial + 1)
  dx = dx.reshape(shape[0], *(n * s for n, s in zip(sizes, window.strides, strict=True)), shape[-1])
  return dx[(slice(None), *(slice(size) for size in shape[1:-1]))]


def _phase(first, k, y, shape, window):
  """The pixels that begin at `first`, a stride apart."""
  taps, padding = [], []
  for a, (size, out, kernel, s, _, low) in zip(
    first, dimensions(shape, k.shape, y.shape, window), strict=True
  ):
    ahead, remainder = divmod(a + low, s)
    taps.append(slice(remainder, None, s))
    reach = len(range(remainder, kernel, s)) - 1
    padding.append((reach - ahead, -(-size // s) + ahead - out))
  part = k[tuple(taps)]
  if not part.size:
    sizes = (-(-size // s) for size, s in zip(shape[1:-1], window.strides, strict=True))
    return jnp.zeros((shape[0], *sizes, shape[-1]), y.dtype)
  return lax.conv_general_dilated(
    y,
    turned_round(part, 1),
    (1,) * len(padding),
    padding,
    dimension_numbers=channels_last(y.ndim),
    precision=window.precision,
  )
