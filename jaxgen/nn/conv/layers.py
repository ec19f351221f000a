"""Linen's `Conv` and `ConvTranspose` on top of `jaxgen.nn.conv`: same arguments, parameters and values."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax

from jaxgen.nn.conv.functions import conv, conv_transpose


def _conv_general_dilated(
  x,
  kernel,
  strides,
  padding,
  *,
  lhs_dilation,
  rhs_dilation,
  dimension_numbers,
  feature_group_count,
  precision,
):
  """`conv` with the signature through which Linen calls a convolution."""
  if max(lhs_dilation) > 1:
    edges = [(0, 0, space - 1) for space in lhs_dilation]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
  return conv(
    x,
    kernel,
    strides,
    padding,
    kernel_dilation=rhs_dilation,
    feature_group_count=feature_group_count,
    precision=precision,
  )


class Conv(nn.Conv):
  """`flax.linen.Conv`, computed by `jaxgen.nn.conv`: f32[..., *S, C] -> f32[..., *P, features].

  Every argument of Linen's is there. `input_dilation` also takes padding by name, 'SAME' being that of the
  input spread out.
  """

  conv_general_dilated: Any = _conv_general_dilated


class ConvTranspose(nn.Module):
  """`flax.linen.ConvTranspose`, by `jaxgen.nn.conv_transpose`: f32[..., *S, C] -> f32[..., *P, features].

  Arguments, parameters and values are Linen's, without `padding='CIRCULAR'`.

  Attributes:
    features: the channels of the output.
    kernel_size: the kernel's pixels along each spatial dimension; a number means one dimension.
    strides: the upsampling factor, one number or one per dimension.
    padding: 'SAME' (the output has `S * strides` pixels), 'VALID', or what to pad the spread-out input by.
    kernel_dilation: the distance between the kernel's pixels.
    use_bias: whether to add a bias.
    mask: multiplies the kernel; of the kernel's shape.
    dtype: of the computation; that of input and parameters where None.
    param_dtype: of the parameters.
    precision: see `jax.lax.Precision`.
    kernel_init: initializer of the kernel, f32[*K, C, features].
    bias_init: initializer of the bias, f32[features].
    transpose_kernel: the kernel is `f32[*K, features, C]`, that of the convolution this one transposes.
  """

  features: int
  kernel_size: int | Sequence[int]
  strides: int | Sequence[int] | None = None
  padding: Any = 'SAME'
  kernel_dilation: int | Sequence[int] | None = None
  use_bias: bool = True
  mask: jax.Array | None = None
  dtype: Any = None
  param_dtype: Any = jnp.float32
  precision: Any = None
  kernel_init: Callable[..., jax.Array] = nn.linear.default_kernel_init
  bias_init: Callable[..., jax.Array] = nn.initializers.zeros_init()
  transpose_kernel: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Applies the transposed convolution."""
    size = (self.kernel_size,) if isinstance(self.kernel_size, int) else tuple(self.kernel_size)
    channels = (x.shape[-1], self.features)
    shape = (*size, *(reversed(channels) if self.transpose_kernel else channels))
    kernel = self.param('kernel', self.kernel_init, shape, self.param_dtype)
    bias = self.param('bias', self.bias_init, (self.features,), self.param_dtype) if self.use_bias else None
    if self.mask is not None:
      if self.mask.shape != shape:
        raise ValueError(f'the mask has shape {self.mask.shape}, the kernel {shape}.')
      kernel = kernel * self.mask
    x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
    batch = x.shape[: x.ndim - len(size) - 1]
    y = conv_transpose(
      x.reshape(-1, *x.shape[len(batch) :]),
      kernel,
      self.strides or 1,
      self.padding,
      kernel_dilation=self.kernel_dilation or 1,
      transpose_kernel=self.transpose_kernel,
      precision=self.precision,
    )
    y = y if bias is None else y + bias
    return y.reshape(*batch, *y.shape[1:])
