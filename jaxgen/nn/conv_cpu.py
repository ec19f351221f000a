"""The three forms of a convolution in the one layout that XLA compiles well on a CPU, wherever it stands.

XLA:CPU has fast code for convolutions of channels-last images with kernels of shape (*K, in, out). It
rewrites other layouts into this one, but only outside loops and branches: within `scan`, `while` or `cond`
the layouts that JAX's transpose rules choose run 20 to 90 times slower. So each gradient is written here as
such a convolution, with its operands transposed explicitly.

Channel groups are slow in XLA too, their kernel gradients most of all: a few groups are taken one after the
other, and one channel per group is a sum of shifted products.
"""

import itertools
import math

import jax.numpy as jnp
from jax import lax

# Up to this many groups, one convolution after the other beats XLA's grouped convolution.
_FEW_GROUPS = 16


def channels_last(ndim: int) -> lax.ConvDimensionNumbers:
  """The dimension numbers of `(B, *S, C), (*K, C, O) -> (B, *P, O)` for arrays of rank `ndim`."""
  image = (0, ndim - 1, *range(1, ndim - 1))
  return lax.ConvDimensionNumbers(image, (ndim - 1, ndim - 2, *range(ndim - 2)), image)


def output(x, k, shape, window):
  """y[b, p, o] = sum_{t, c} x[b, s p + d t - l, c] k[t, c, o]."""
  del shape
  return _grouped(x, k, window.strides, window.padding, (1,) * len(window.strides), window)


def input_gradient(k, y, shape, window):
  """dx[b, q, c] = sum of y[b, p, o] k[t, c, o] over s p + d t - l = q.

  A convolution of `y`, spread out by the stride, with the kernel turned round and its channels exchanged.
  """
  padding = [
    (d * (kernel - 1) - low, size - 1 - s * (out - 1) + low)
    for size, out, kernel, s, d, low in _dimensions(shape, k.shape, y.shape, window)
  ]
  k = exchange_channels(jnp.flip(k, tuple(range(k.ndim - 2))), window.groups)
  return _grouped(y, k, (1,) * len(padding), padding, window.strides, window)


def kernel_gradient(x, y, shape, window):
  """dk[t, c, o] = sum_{b, p} x[b, s p + d t - l, c] y[b, p, o].

  A convolution whose examples are the input's channels and whose input channels are the examples; stride
  and dilation change places.
  """
  padding = [
    (low, d * (kernel - 1) + s * (out - 1) + 1 - size - low)
    for size, out, kernel, s, d, low in _dimensions(x.shape, shape, y.shape, window)
  ]
  if window.groups > 1 and shape[-2] == 1:
    return _kernel_of_products(x, y, shape, padding, window)

  def one_group(x, y):
    x, y = jnp.moveaxis(x, (-1, 0), (0, -1)), jnp.moveaxis(y, 0, -2)
    k = _convolution(x, y, window.dilation, padding, (1,) * len(padding), window.strides, window.precision)
    return jnp.moveaxis(k, 0, -2)

  return _one_by_one(one_group, x, y, window.groups)


def exchange_channels(k, groups):
  """A kernel `[*K, C / groups, O]` seen from its output: `[*K, O / groups, C]`."""
  *spatial, inner, outer = k.shape
  k = k.reshape(*spatial, inner, groups, outer // groups)
  return jnp.moveaxis(k, (-1, -3), (-3, -1)).reshape(*spatial, outer // groups, groups * inner)


def _dimensions(x_shape, k_shape, y_shape, window):
  """(pixels in, pixels out, kernel, stride, dilation, lower padding) of each spatial dimension."""
  lows = [low for low, _ in window.padding]
  sizes = x_shape[1:-1], y_shape[1:-1], k_shape[:-2]
  return zip(*sizes, window.strides, window.dilation, lows, strict=True)


def _grouped(x, k, strides, padding, spread, window):
  """A convolution of `x`, spread out by `spread`, in the groups of the window."""
  if window.groups > 1 and k.shape[-2] == 1:
    return _sum_of_products(x, k, strides, padding, spread, window)

  def one_group(x, k):
    return _convolution(x, k, strides, padding, spread, window.dilation, window.precision)

  if window.groups <= _FEW_GROUPS:
    return _one_by_one(one_group, x, k, window.groups)
  return _convolution(x, k, strides, padding, spread, window.dilation, window.precision, window.groups)


def _convolution(x, k, strides, padding, spread, dilation, precision, groups=1):
  return lax.conv_general_dilated(
    x,
    k,
    strides,
    padding,
    lhs_dilation=spread,
    rhs_dilation=dilation,
    dimension_numbers=channels_last(x.ndim),
    feature_group_count=groups,
    precision=precision,
  )


def _one_by_one(function, lhs, rhs, groups):
  """`function` of one group of channels after the other, joined along the last axis."""
  if groups == 1:
    return function(lhs, rhs)

  def split(array):
    return jnp.moveaxis(array.reshape(*array.shape[:-1], groups, array.shape[-1] // groups), -2, 0)

  out = lax.map(lambda pair: function(*pair), (split(lhs), split(rhs)))
  return jnp.moveaxis(out, 0, -2).reshape(*out.shape[1:-1], groups * out.shape[-1])


def _sum_of_products(x, k, strides, padding, spread, window):
  """One input channel per group: `x`, padded, spread out and shifted, times one kernel pixel after the other."""
  edges = [(low, high, space - 1) for (low, high), space in zip(padding, spread, strict=True)]
  x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
  x = jnp.repeat(x, k.shape[-1] // x.shape[-1], axis=-1)
  kernel = k.shape[:-2]
  extents = [d * (size - 1) for size, d in zip(kernel, window.dilation, strict=True)]
  sizes = [(n - e - 1) // s + 1 for n, e, s in zip(x.shape[1:-1], extents, strides, strict=True)]
  return sum(
    _shifted(x, 1, tap, sizes, strides, window.dilation) * k[tap][0]
    for tap in itertools.product(*map(range, kernel))
  )


def _kernel_of_products(x, y, shape, padding, window):
  """One input channel per group: the kernel's gradient, summed over one example after the other."""
  x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0)])
  taps = list(itertools.product(*map(range, shape[:-2])))
  repeats = shape[-1] // x.shape[-1]

  def add(example, total):
    image, cotangent = jnp.repeat(x[example], repeats, axis=-1), y[example].astype(total.dtype)
    products = [_shifted(image, 0, tap, y.shape[1:-1], window.strides, window.dilation) for tap in taps]
    return total + jnp.stack([(p * cotangent).reshape(-1, shape[-1]).sum(0) for p in products])

  total = jnp.zeros((math.prod(shape[:-2]), shape[-1]), jnp.promote_types(x.dtype, jnp.float32))
  return lax.fori_loop(0, x.shape[0], add, total).astype(x.dtype).reshape(shape)


def _shifted(x, first, tap, sizes, strides, dilation):
  """The pixels of `x` under the kernel's pixel `tap`; the spatial dimensions begin at axis `first`."""
  starts = [t * d for t, d in zip(tap, dilation, strict=True)]
  slices = (slice(a, a + s * (n - 1) + 1, s) for a, n, s in zip(starts, sizes, strides, strict=True))
  return x[(*[slice(None)] * first, *slices)]


FORMS = {'y': output, 'x': input_gradient, 'k': kernel_gradient}
