"""A convolution of an image of twice the size, whose pixels are never doubled."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.nn.conv import conv_transpose


def upsampled_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """The convolution, padding 'SAME', of `x` with every pixel repeated twice along each spatial dimension.

  Weights that meet copies of one pixel are added first: along a dimension `k` becomes `u[v] = k[v - 1] + k[v]`, the
  kernel of a transposed convolution with strides of two (the layer is that of Odena et al., "Deconvolution and
  checkerboard artifacts", 2016). A 3x3 kernel takes 4 products for each output in place of 9.

  Args:
    x: f32[B, *S, C].
    kernel: f32[*K, C, O].

  Returns:
    f32[B, *(2 S), O].
  """
  padding = []
  for axis, size in enumerate(kernel.shape[:-2]):
    edges = [[(0, 0)] * kernel.ndim for _ in range(2)]
    edges[0][axis], edges[1][axis] = (1, 0), (0, 1)
    kernel = jnp.pad(kernel, edges[0]) + jnp.pad(kernel, edges[1])
    low = (size - 1) // 2 + 1
    padding.append((low, size + 1 - low))
  return conv_transpose(x, kernel, 2, padding)


class UpsampledConv(nn.Module):
  """`upsampled_conv` with parameters as those of `Conv`: f32[B, *S, C] -> f32[B, *(2 S), features].

  Attributes:
    features: the channels of the output.
    kernel_size: the kernel's pixels along each spatial dimension.
    kernel_init: initializer of the kernel, f32[*K, C, features].
    dtype: of the computation; that of the input where None.
  """

  features: int
  kernel_size: Sequence[int] = (3, 3)
  kernel_init: Callable[..., jax.Array] = nn.linear.default_kernel_init
  dtype: Any = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolves."""
    x = x.astype(self.dtype or x.dtype)
    kernel = self.param('kernel', self.kernel_init, (*self.kernel_size, x.shape[-1], self.features))
    bias = self.param('bias', nn.initializers.zeros_init(), (self.features,))
    return upsampled_conv(x, kernel.astype(x.dtype)) + bias.astype(x.dtype)
