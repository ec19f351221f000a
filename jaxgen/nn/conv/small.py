"""Convolutions of images no larger than their kernel, on a CPU: products of matrices.

Every output sees nearly every input, so the matrix from all inputs to all outputs is hardly larger than the
work it saves. XLA would exchange image and kernel here, and leave its fast layout: 80 times slower in a loop.

The matrix is `M[(q, c), (p, o)] = sum_t E[q, p, t] k[t, c, o]` with `E` 1 where `q = s p + d t - l`, else 0.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.nn.conv.layout import dimensions
from jaxgen.nn.conv.window import Shape, Window

_MOST_PIXELS = 64  # so that E is never large
_MOST_STRIDED = 4  # with strides XLA exchanges nothing, and E only pays where it is tiny


def fits(image_shape: Shape, kernel_shape: Shape, strides: Shape) -> bool:
  """Whether an image is small enough."""
  most = _MOST_PIXELS if max(strides) == 1 else _MOST_STRIDED
  return math.prod(image_shape[1:-1]) <= min(most, math.prod(kernel_shape[:-2]))


def output(x: jax.Array, k: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """y = x M."""
  matrix = _matrix(k, x.shape, shape, window)
  return _matmul(_flat(x), matrix, window).reshape(shape)


def input_gradient(k: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dx = y M^T."""
  matrix = _matrix(k, shape, y.shape, window)
  return _matmul(_flat(y), matrix.T, window).reshape(shape)


def kernel_gradient(x: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dk[t] = sum_{q, p} E[q, p, t] dM[q, p] with dM = x^T y."""
  pixels, channels = math.prod(x.shape[1:-1]), x.shape[-1]
  matrix = _matmul(_flat(x).T, _flat(y), window).reshape(pixels, channels, -1, y.shape[-1])
  matrix = jnp.moveaxis(matrix, 2, 1).reshape(-1, channels * y.shape[-1])
  connections = _connections(x.shape, shape, y.shape, window).astype(x.dtype)
  return _matmul(connections.T, matrix, window).reshape(shape)


def _matrix(k, x_shape, y_shape, window):
  pixels, channels, features = math.prod(x_shape[1:-1]), x_shape[-1], y_shape[-1]
  connections = _connections(x_shape, k.shape, y_shape, window).astype(k.dtype)
  matrix = _matmul(connections, k.reshape(-1, channels * features), window)
  matrix = matrix.reshape(pixels, -1, channels, features)
  return jnp.moveaxis(matrix, 1, 2).reshape(pixels * channels, -1)


def _connections(x_shape, k_shape, y_shape, window):
  """E as f32[Q * P, T]."""
  total = np.ones((1, 1, 1), np.float32)
  for size, out, kernel, s, d, low in dimensions(x_shape, k_shape, y_shape, window):
    q, p, t = np.ix_(range(size), range(out), range(kernel))
    total = np.kron(total, (q == s * p + d * t - low).astype(np.float32))
  return total.reshape(-1, total.shape[-1])


def _flat(array):
  return array.reshape(array.shape[0], -1)


def _matmul(a, b, window):
  return jnp.matmul(a, b, precision=window.precision)


FORMS = {'y': output, 'x': input_gradient, 'k': kernel_gradient}
