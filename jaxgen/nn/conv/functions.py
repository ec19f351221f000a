"""Convolution and transposed convolution, channels last, fast on every platform, also within loops."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgen.nn.conv.layout import turned_round
from jaxgen.nn.conv.primitive import convolve
from jaxgen.nn.conv.window import Window

Padding = str | int | Sequence[int | tuple[int, int]]


def conv(
  x: jax.Array,
  kernel: jax.Array,
  strides: int | Sequence[int] = 1,
  padding: Padding = 'SAME',
  *,
  kernel_dilation: int | Sequence[int] = 1,
  feature_group_count: int = 1,
  precision: jax.lax.PrecisionLike = None,
) -> jax.Array:
  """y[b, p, o] = sum_{t, c} x[b, s p + d t - l, c] kernel[t, c, o], what deep learning calls a convolution.

  The values are those of `jax.lax.conv_general_dilated`. Forward and reverse mode of any order and `vmap`
  apply. On a CPU the gradients are also fast inside `scan`, `while_loop` and `cond`, and a kernel of one
  pixel is a matrix product.

  Args:
    x: f32[B, *S, C].
    kernel: f32[*K, C / feature_group_count, O].
    strides: one number, or one per spatial dimension.
    padding: 'SAME', 'VALID', one number for all sides, or one number or pair `(low, high)` per dimension.
    kernel_dilation: the distance between the kernel's pixels.
    feature_group_count: the number of groups that the channels fall into.
    precision: see `jax.lax.Precision`.

  Returns:
    f32[B, *P, O].

  Raises:
    ValueError: if shapes, groups or padding do not fit together.
    TypeError: if `x` and `kernel` differ in dtype.
  """
  spatial = x.ndim - 2
  if kernel.ndim != x.ndim:
    raise ValueError(f'an input of rank {x.ndim} needs a kernel of that rank, not of shape {kernel.shape}.')
  if x.shape[-1] != kernel.shape[-2] * feature_group_count or kernel.shape[-1] % feature_group_count:
    raise ValueError(
      f'a kernel of shape {kernel.shape} and {feature_group_count} group(s) do not fit {x.shape[-1]} channels.'
    )
  strides, dilation = _per_dimension(strides, spatial), _per_dimension(kernel_dilation, spatial)
  extents = [d * (k - 1) + 1 for k, d in zip(kernel.shape[:-2], dilation, strict=True)]
  pads = _pads(padding, x.shape[1:-1], extents, strides)
  if math.prod(kernel.shape[:-2]) == 1 and feature_group_count == 1 and not any(map(any, pads)):
    return _pointwise(x, kernel, strides, precision)
  sizes = [
    (size + low + high - extent) // s + 1
    for size, extent, s, (low, high) in zip(x.shape[1:-1], extents, strides, pads, strict=True)
  ]
  if min(sizes) < 1:
    raise ValueError(
      f'a kernel of extent {extents} does not fit an input of shape {x.shape} padded by {pads}.'
    )
  window = Window(strides, pads, dilation, feature_group_count, precision)
  return convolve({'x': x, 'k': kernel}, 'y', (x.shape[0], *sizes, kernel.shape[-1]), window)


def conv_transpose(
  x: jax.Array,
  kernel: jax.Array,
  strides: int | Sequence[int] = 1,
  padding: Padding = 'SAME',
  *,
  kernel_dilation: int | Sequence[int] = 1,
  transpose_kernel: bool = False,
  precision: jax.lax.PrecisionLike = None,
) -> jax.Array:
  """The fractionally strided convolution: the input gradient of a convolution with these strides.

  The values are those of `jax.lax.conv_transpose`: `x` is spread out by the strides and convolved with
  `kernel`. 'SAME' gives `S * strides` pixels.

  Args:
    x: f32[B, *S, C].
    kernel: f32[*K, C, O]; f32[*K, O, C] with `transpose_kernel`.
    strides: one number, or one per spatial dimension.
    padding: 'SAME', 'VALID', or what to pad the spread-out input by, as in `conv`.
    kernel_dilation: the distance between the kernel's pixels.
    transpose_kernel: `kernel` is that of the convolution whose gradient this is: it is turned round, and its
      channels are exchanged.
    precision: see `jax.lax.Precision`.

  Returns:
    f32[B, *P, O].

  Raises:
    ValueError: if shapes or padding do not fit together.
    TypeError: if `x` and `kernel` differ in dtype.
  """
  spatial = x.ndim - 2
  if kernel.ndim != x.ndim or x.shape[-1] != kernel.shape[-1 if transpose_kernel else -2]:
    raise ValueError(f'a kernel of shape {kernel.shape} does not fit an input of shape {x.shape}.')
  strides, dilation = _per_dimension(strides, spatial), _per_dimension(kernel_dilation, spatial)
  if not transpose_kernel:
    kernel = turned_round(kernel, 1)
  reach = [d * (k - 1) for k, d in zip(kernel.shape[:-2], dilation, strict=True)]
  pads = _transpose_pads(padding, reach, strides)
  sizes = [
    s * (size - 1) + 1 + low + high - r
    for size, s, r, (low, high) in zip(x.shape[1:-1], strides, reach, pads, strict=True)
  ]
  if min(sizes) < 1:
    raise ValueError(f'a kernel of shape {kernel.shape} does not fit an input of shape {x.shape}.')
  window = Window(
    strides, tuple((r - low, r - high) for r, (low, high) in zip(reach, pads, strict=True)), dilation
  )
  return convolve(
    {'k': kernel, 'y': x}, 'x', (x.shape[0], *sizes, kernel.shape[-2]), window._replace(precision=precision)
  )


def _pointwise(x, kernel, strides, precision):
  """A kernel of one pixel is a matrix; in two dimensions its gradient is fast too."""
  if max(strides) > 1:
    x = x[(slice(None), *(slice(None, None, s) for s in strides))]
  matrix = kernel.reshape(kernel.shape[-2:])
  y = jnp.matmul(x.reshape(-1, x.shape[-1]), matrix, precision=precision)
  return y.reshape(*x.shape[:-1], matrix.shape[-1])


def _per_dimension(value: int | Sequence[int], spatial: int) -> tuple[int, ...]:
  values = (value,) * spatial if isinstance(value, int) else tuple(value)
  if len(values) != spatial:
    raise ValueError(f'{values} should have one entry for each of {spatial} spatial dimensions.')
  return values


def _pads(padding, sizes, extents, strides):
  if padding == 'VALID':
    return ((0, 0),) * len(sizes)
  if padding == 'SAME':
    totals = [max(0, (-(-n // s) - 1) * s + e - n) for n, e, s in zip(sizes, extents, strides, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)
  return _explicit(padding, len(sizes))


def _transpose_pads(padding, reach, strides):
  if padding == 'VALID':
    return tuple((r, r + max(s - r - 1, 0)) for r, s in zip(reach, strides, strict=True))
  if padding == 'SAME':
    lows = [r if s > r else -(-(r + s - 1) // 2) for r, s in zip(reach, strides, strict=True)]
    return tuple((low, r + s - 1 - low) for low, r, s in zip(lows, reach, strides, strict=True))
  return _explicit(padding, len(strides))


def _explicit(padding, spatial):
  if isinstance(padding, str):
    raise ValueError(f'padding is "SAME", "VALID" or given in numbers, not "{padding}".')
  sides = (padding,) * spatial if isinstance(padding, int) else tuple(padding)
  if len(sides) != spatial:
    raise ValueError(f'padding {sides} should have one entry for each of {spatial} spatial dimensions.')
  pairs = ((side, side) if isinstance(side, int) else side for side in sides)
  return tuple((low, high) for low, high in pairs)
