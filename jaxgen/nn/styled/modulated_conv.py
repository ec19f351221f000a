"""A convolution whose kernel a style scales, for each example its own."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.nn.conv import conv, conv_transpose
from jaxgen.nn.equalized import EqualizedDense, equalized_kernel
from jaxgen.nn.filtering import smoothed


def modulated_conv(
  x: jax.Array, kernel: jax.Array, scale: jax.Array, *, demodulate: bool = True, doubled: bool = False
) -> jax.Array:
  """The convolution with `w' = s_i w_ijk`, or with `w'' = w' / sqrt(sum_ik w'^2 + eps)` where it is demodulated (Karras
  et al., "Analyzing and improving the image quality of StyleGAN", 2020, equations 1 and 3).

  No example has a kernel of its own here: what scales a kernel's inputs scales the input as well, and what scales its
  outputs the output, so that one convolution serves the whole batch.

  Args:
    x: f32[B, H, W, C].
    kernel: f32[K, K, C, O].
    scale: s, f32[B, C].
    demodulate: whether every output has a variance of one where every input has.
    doubled: whether the image is of twice the size afterwards: a transposed convolution of stride 2, then the filter
      of `jaxgen.nn.filtering`; of kernels of 3x3 pixels.

  Returns:
    f32[B, H, W, O], or f32[B, 2 H, 2 W, O].
  """
  x = x * scale[:, None, None].astype(x.dtype)
  if doubled:
    y = 4 * smoothed(conv_transpose(x, kernel.astype(x.dtype), 2, 'VALID'), (1, 1))
  else:
    y = conv(x, kernel.astype(x.dtype))
  if not demodulate:
    return y
  squares = jnp.square(kernel.astype(jnp.float32)).sum(range(kernel.ndim - 2))
  norm = jax.lax.rsqrt(jnp.square(scale.astype(jnp.float32)) @ squares + 1e-8)
  return y * norm[:, None, None].astype(y.dtype)


class ModulatedConv(nn.Module):
  """`modulated_conv`, scaled by a linear map of the style: f32[B, H, W, C], f32[B, D] -> f32[B, H', W', features].

  Attributes:
    features: channels of the output.
    kernel_size: of the kernel.
    demodulate: see `modulated_conv`.
    doubled: the same.
    dtype: of the computation; that of the input where None.
  """

  features: int
  kernel_size: Sequence[int] = (3, 3)
  demodulate: bool = True
  doubled: bool = False
  dtype: Any = None

  @nn.compact
  def __call__(self, x: jax.Array, style: jax.Array) -> jax.Array:
    """Convolves."""
    scale = EqualizedDense(x.shape[-1], bias=1.0, name='scale')(style)
    kernel = equalized_kernel(self, (*self.kernel_size, x.shape[-1], self.features))
    x = x.astype(self.dtype or x.dtype)
    return modulated_conv(x, kernel, scale, demodulate=self.demodulate, doubled=self.doubled)
