"""A convolution and its gradients in the one layout that XLA compiles well on a CPU, wherever it stands.

XLA:CPU has fast code for convolutions of channels-last images with kernels of shape (*K, in, out). It
rewrites other layouts into this one, but only outside loops and branches: within `scan`, `while` or `cond`
the layouts that JAX's transpose rules choose run 20 to 90 times slower. So each gradient is written here as
such a convolution, with its operands transposed explicitly.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.nn.conv.window import Paddings, Shape, Window


def channels_last(ndim: int) -> lax.ConvDimensionNumbers:
  """The dimension numbers of `(B, *S, C), (*K, C, O) -> (B, *P, O)` for arrays of rank `ndim`."""
  image = (0, ndim - 1, *range(1, ndim - 1))
  return lax.ConvDimensionNumbers(image, (ndim - 1, ndim - 2, *range(ndim - 2)), image)


def output(x: jax.Array, k: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """y[b, p, o] = sum_{t, c} x[b, s p + d t - l, c] k[t, c, o]."""
  del shape
  return _convolution(x, k, window, window.padding, strides=window.strides)


def input_gradient(k: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dx[b, q, c] = sum of y[b, p, o] k[t, c, o] over s p + d t - l = q.

  A convolution of `y`, spread out by the stride, with the kernel turned round and its channels exchanged.
  """
  k, padding = turned_round(k, window.groups), padding_of_gradient(shape, k.shape, y.shape, window)
  return _convolution(y, k, window, padding, spread=window.strides)


def kernel_gradient(x: jax.Array, y: jax.Array, shape: Shape, window: Window) -> jax.Array:
  """dk[t, c, o] = sum_{b, p} x[b, s p + d t - l, c] y[b, p, o].

  A convolution whose examples are the input's channels and whose input channels are the examples; stride
  and dilation change places. Where `y` has more pixels than `x`, XLA would exchange the two, and with them
  the layout: then it is a matrix product of `y` and the patches of `x`.
  """
  padding = []
  for size, out, kernel, s, d, low in dimensions(x.shape, shape, y.shape, window):
    padding.append((low, d * (kernel - 1) + s * (out - 1) + 1 - size - low))
  if math.prod(x.shape[1:-1]) < math.prod(y.shape[1:-1]):
    return _product_with_patches(x, y, shape, padding, window)
  x, y = jnp.moveaxis(x, (-1, 0), (0, -1)), jnp.moveaxis(y, 0, -2)
  exchanged = window._replace(strides=window.dilation, dilation=window.strides)
  return jnp.moveaxis(_convolution(x, y, exchanged, padding, strides=window.dilation), 0, -2)


def dimensions(
  x_shape: Shape, k_shape: Shape, y_shape: Shape, window: Window
) -> Iterator[tuple[int, int, int, int, int, int]]:
  """(pixels in, pixels out, kernel, stride, dilation, lower padding) of each spatial dimension."""
  lows = [low for low, _ in window.padding]
  sizes = x_shape[1:-1], y_shape[1:-1], k_shape[:-2]
  return zip(*sizes, window.strides, window.dilation, lows, strict=True)


def padding_of_gradient(x_shape: Shape, k_shape: Shape, y_shape: Shape, window: Window) -> Paddings:
  """What to pad `y`, spread out by the stride, by, so that a convolution of it has the pixels of `x`."""
  return [
    (d * (kernel - 1) - low, size - 1 - s * (out - 1) + low)
    for size, out, kernel, s, d, low in dimensions(x_shape, k_shape, y_shape, window)
  ]


def turned_round(k: jax.Array, groups: int) -> jax.Array:
  """The kernel seen from its output, `[*K, C / groups, O]` to `[*K, O / groups, C]`, in reverse order of pixels."""
  *spatial, inner, outer = k.shape
  k = jnp.flip(k, tuple(range(len(spatial)))).reshape(*spatial, inner, groups, outer // groups)
  return jnp.moveaxis(k, (-1, -3), (-3, -1)).reshape(*spatial, outer // groups, groups * inner)


def shifted(x: jax.Array, first: int, tap: Shape, sizes: Shape, window: Window) -> jax.Array:
  """The pixels of `x` under the kernel's pixel `tap`; the spatial dimensions begin at axis `first`."""
  starts = [t * d for t, d in zip(tap, window.dilation, strict=True)]
  slices = (slice(a, a + s * (n - 1) + 1, s) for a, n, s in zip(starts, sizes, window.strides, strict=True))
  return x[(*[slice(None)] * first, *slices)]


def padded(x: jax.Array, padding: Sequence[tuple[int, int]], spread: Shape) -> jax.Array:
  """`x` spread out, then padded; a negative number crops."""
  edges = [(low, high, space - 1) for (low, high), space in zip(padding, spread, strict=True)]
  return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def _convolution(x, k, window, padding, strides=None, spread=None):
  ones = (1,) * len(padding)
  return lax.conv_general_dilated(
    x,
    k,
    strides or ones,
    padding,
    lhs_dilation=spread or ones,
    rhs_dilation=window.dilation,
    dimension_numbers=channels_last(x.ndim),
    feature_group_count=window.groups,
    precision=window.precision,
  )


def _product_with_patches(x, y, shape, padding, window):
  x = padded(x, padding, (1,) * len(padding))
  taps = itertools.product(*map(range, shape[:-2]))
  patches = jnp.concatenate([shifted(x, 1, tap, y.shape[1:-1], window) for tap in taps], axis=-1)
  patches, y = patches.reshape(-1, patches.shape[-1]), y.reshape(-1, y.shape[-1])
  return jnp.matmul(patches.T, y, precision=window.precision).reshape(shape)


FORMS = {'y': output, 'x': input_gradient, 'k': kernel_gradient}
