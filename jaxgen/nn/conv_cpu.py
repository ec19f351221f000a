"""The three forms of a convolution in the one layout that XLA compiles well on a CPU, wherever it stands.

XLA:CPU has fast code for convolutions of channels-last images with kernels of shape (*K, in, out). It
rewrites other layouts into this one, but only outside loops and branches: within `scan`, `while` or `cond`
the layouts that JAX's transpose rules choose run 20 to 90 times slower. So each gradient is written here as
such a convolution, with its operands transposed explicitly.
"""

import jax.numpy as jnp
from jax import lax


def channels_last(ndim: int) -> lax.ConvDimensionNumbers:
  """The dimension numbers of `(B, *S, C), (*K, C, O) -> (B, *P, O)` for arrays of rank `ndim`."""
  image = (0, ndim - 1, *range(1, ndim - 1))
  return lax.ConvDimensionNumbers(image, (ndim - 1, ndim - 2, *range(ndim - 2)), image)


def output(x, k, shape, window):
  """y[b, p, o] = sum_{t, c} x[b, s p + d t - l, c] k[t, c, o]."""
  del shape
  return _convolution(x, k, window.strides, window.padding, (1,) * len(window.strides), window)


def input_gradient(k, y, shape, window):
  """dx[b, q, c] = sum of y[b, p, o] k[t, c, o] over s p + d t - l = q.

  A convolution of `y`, dilated by the stride, with the kernel turned round and its channels exchanged.
  """
  spatial = len(window.strides)
  padding = []
  for size, out, kernel, s, d, (low, _) in zip(
    shape[1:-1], y.shape[1:-1], k.shape[:-2], window.strides, window.dilation, window.padding, strict=True
  ):
    before = d * (kernel - 1) - low
    padding.append((before, size - 1 - s * (out - 1) + low))
  k = exchange_channels(jnp.flip(k, tuple(range(spatial))), window.groups)
  return _convolution(y, k, (1,) * spatial, padding, window.strides, window)


def kernel_gradient(x, y, shape, window):
  """dk[t, c, o] = sum_{b, p} x[b, s p + d t - l, c] y[b, p, o].

  A convolution whose examples are the input's channels and whose input channels are the examples; stride
  and dilation change places.
  """
  spatial = len(window.strides)
  padding = []
  for size, out, kernel, s, d, (low, _) in zip(
    x.shape[1:-1], y.shape[1:-1], shape[:-2], window.strides, window.dilation, window.padding, strict=True
  ):
    padding.append((low, d * (kernel - 1) + s * (out - 1) + 1 - size - low))
  x = jnp.moveaxis(x, (-1, 0), (0, -1))
  y = jnp.moveaxis(y, 0, -2)
  out = lax.conv_general_dilated(
    x,
    y,
    window.dilation,
    padding,
    rhs_dilation=window.strides,
    dimension_numbers=channels_last(x.ndim),
    batch_group_count=window.groups,
    precision=window.precision,
  )
  return jnp.moveaxis(out, 0, -2)


def exchange_channels(k, groups):
  """A kernel `[*K, C / groups, O]` seen from its output: `[*K, O / groups, C]`."""
  *spatial, inner, outer = k.shape
  k = k.reshape(*spatial, inner, groups, outer // groups)
  return jnp.moveaxis(k, (-1, -3), (-3, -1)).reshape(*spatial, outer // groups, groups * inner)


def _convolution(x, k, strides, padding, input_dilation, window):
  return lax.conv_general_dilated(
    x,
    k,
    strides,
    padding,
    lhs_dilation=input_dilation,
    rhs_dilation=window.dilation,
    dimension_numbers=channels_last(x.ndim),
    feature_group_count=window.groups,
    precision=window.precision,
  )


FORMS = {'y': output, 'x': input_gradient, 'k': kernel_gradient}
