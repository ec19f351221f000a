"""Attention of every place of an image to all of them."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.nn.pooling import max_pool
from jaxgen.nn.spectral_norm import layers


class SelfAttention(nn.Module):
  """`x + gamma * o`, f32[B, H, W, C] of the same shape, with gamma from 0 (Zhang et al., "Self-attention generative
  adversarial networks", 2019, equations 1 to 3: the non-local block of Wang et al. 2018).

  As in the released code, keys and values are the largest of cells of 2x2 places, queries and keys have C / 8 channels,
  and values C / 2, which a last layer brings back to C; there are no biases.

  Attributes:
    spectral: whether the layers have a spectral norm of one.
    kernel_init: of the layers.
  """

  spectral: bool
  kernel_init: Any = nn.linear.default_kernel_init

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    """Looks at all places from each."""
    dense = layers(self.spectral, train, kernel_init=self.kernel_init, use_bias=False).dense
    batch, height, width, channels = x.shape
    narrow, half = max(channels // 8, 1), max(channels // 2, 1)
    places = x.reshape(batch, height * width, channels)

    def pooled(features):
      each = dense(features)(places).reshape(batch, height, width, features)
      return max_pool(each).reshape(batch, -1, features)

    queries, keys, values = dense(narrow)(places), pooled(narrow), pooled(half)
    scores = (queries @ keys.swapaxes(1, 2)).astype(jnp.float32)
    gathered = dense(channels)(jax.nn.softmax(scores).astype(x.dtype) @ values)
    gamma = self.param('gamma', nn.initializers.zeros_init(), ())
    return x + gamma.astype(x.dtype) * gathered.reshape(x.shape)
