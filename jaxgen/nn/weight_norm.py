"""A convolution whose kernels have a length and a direction of their own."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.nn.conv import conv


class WeightNormConv(nn.Module):
  """A convolution with kernels `g v / |v|`: f32[B, H, W, C] -> f32[B, H, W, features], padding 'SAME'.

  Salimans & Kingma, "Weight normalization", 2016, equation 2; the norm is taken for each output channel. `g` starts as
  `|v|`, so that the layer starts as any other.

  Attributes:
    features: channels of the output.
    kernel_size: of the kernel.
    kernel_init: of `v`, not of zeros: they have no direction.
    use_bias: whether to add one.
    dtype: of the computation; that of the input where None.
  """

  features: int
  kernel_size: Sequence[int] = (3, 3)
  kernel_init: nn.initializers.Initializer = nn.linear.default_kernel_init
  use_bias: bool = True
  dtype: Any = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolves."""
    x = x.astype(self.dtype or x.dtype)
    direction = self.param('kernel', self.kernel_init, (*self.kernel_size, x.shape[-1], self.features))
    norm = _norm(direction)
    length = self.param('length', lambda _: norm)
    y = conv(x, (direction * (length / norm)).astype(x.dtype))
    if not self.use_bias:
      return y
    return y + self.param('bias', nn.initializers.zeros_init(), (self.features,)).astype(x.dtype)


def _norm(kernel):
  """Of each output channel, f32[features]; bounded from below, where its gradient would be nan."""
  return jnp.sqrt(jnp.maximum(jnp.square(kernel).sum((0, 1, 2)), 1e-24))
