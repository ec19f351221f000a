"""Convolutions between few channels and many, on a CPU: one product of matrices.

XLA's convolution works on as many channels at a time as a vector register holds, so a layer that takes in or puts out
a handful of channels wastes most of it. Where one side is thin, its pixels under every pixel of the kernel side by
side, the patches, are hardly more numbers than the wide side has:

  T(x, k, y) = sum_{b, p, o} y[b, p, o] (patches(x) k)[b, p, o],  patches(x)[b, p, (t, c)] = x[b, p + t - l, c]

for a thin `x`. Where `y` is the thin one, the same form holds with `x` and `y` exchanged and the kernel turned round.
"""

import itertools
import math

import jax
import jax.numpy as jnp

from jaxgen.nn.conv.layout import padded, padding_of_gradient, shifted, turned_round
from jaxgen.nn.conv.window import Shape, Window

_MOST = 1.5  # numbers in the patches for each of the wide side; up to here it has never been slower by much
_EXCHANGED = {'x': 'y', 'y': 'x', 'k': 'k'}


def fits(kernel_shape: Shape, window: Window) -> bool:
  """Whether the patches of the thin side are not many more numbers than the wide side has."""
  if max(window.strides) > 1 or max(window.dilation) > 1 or window.groups > 1:
    return False
  return math.prod(kernel_shape[:-2]) * min(kernel_shape[-2:]) <= _MOST * max(kernel_shape[-2:])


def compute(lhs: jax.Array, rhs: jax.Array, wanted: str, shape: Shape, window: Window) -> jax.Array:
  """One of the three arrays of a convolution from the other two; see `jaxgen.nn.conv.primitive`."""
  roles = [role for role in ('x', 'k', 'y') if role != wanted]
  arrays = dict(zip(roles, (lhs, rhs), strict=True))
  kernel_shape = shape if wanted == 'k' else arrays['k'].shape
  if kernel_shape[-2] <= kernel_shape[-1]:
    return _FORMS[wanted](arrays, shape, window.padding, window)
  x_shape, y_shape = (shape if wanted == role else arrays[role].shape for role in ('x', 'y'))
  padding = padding_of_gradient(x_shape, kernel_shape, y_shape, window)
  exchanged = {_EXCHANGED[role]: turned_round(a, 1) if role == 'k' else a for role, a in arrays.items()}
  if wanted == 'k':
    turned = (*shape[:-2], shape[-1], shape[-2])
    return turned_round(_kernel_gradient(exchanged, turned, padding, window), 1)
  return _FORMS[_EXCHANGED[wanted]](exchanged, shape, padding, window)


def _output(arrays, shape, padding, window):
  k = arrays['k']
  patches = _patches(arrays['x'], k.shape, padding, shape[1:-1], window)
  return _matmul(patches, k.reshape(-1, k.shape[-1]), window).reshape(shape)


def _kernel_gradient(arrays, shape, padding, window):
  y = arrays['y']
  patches = _patches(arrays['x'], shape, padding, y.shape[1:-1], window)
  return _matmul(patches.T, y.reshape(-1, y.shape[-1]), window).reshape(shape)


def _input_gradient(arrays, shape, padding, window):
  """The product comes first; what belongs to a pixel of the kernel is then put in its place, and all of it added."""
  k, y = arrays['k'], arrays['y']
  parts = _matmul(y.reshape(-1, y.shape[-1]), k.reshape(-1, k.shape[-1]).T, window)
  parts = parts.reshape(*y.shape[:-1], -1, shape[-1])
  ones, total = (1,) * len(padding), 0.0
  for index, tap in enumerate(_taps(k.shape)):
    edges = [
      (t - low, size - out - t + low)
      for t, (low, _), size, out in zip(tap, padding, shape[1:-1], y.shape[1:-1], strict=True)
    ]
    total += padded(parts[..., index, :], edges, ones)
  return total


def _patches(x, kernel_shape, padding, sizes, window):
  """f32[B * P, T * C]."""
  x = padded(x, padding, (1,) * len(padding))
  parts = [shifted(x, 1, tap, sizes, window) for tap in _taps(kernel_shape)]
  patches = jnp.concatenate(parts, axis=-1)
  return patches.reshape(-1, patches.shape[-1])


def _taps(kernel_shape):
  return itertools.product(*map(range, kernel_shape[:-2]))


def _matmul(a, b, window):
  return jnp.matmul(a, b, precision=window.precision)


_FORMS = {'y': _output, 'x': _input_gradient, 'k': _kernel_gradient}
