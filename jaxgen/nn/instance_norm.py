"""Normalization of each channel of each image by its own pixels."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class InstanceNorm(nn.Module):
  """`(x - mean) / sqrt(var + epsilon)` over the pixels of each example and channel, f32[B, *S, C] -> f32[B, *S, C].

  Ulyanov, Vedaldi & Lempitsky, "Instance normalization" (2016), equation 1. It is batch normalization of a batch of one
  example, in evaluation as in training.

  Attributes:
    affine: whether a scale and a bias for each channel follow.
    epsilon: added to the variance.
  """

  affine: bool = False
  epsilon: float = 1e-5

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Normalizes; the statistics are f32."""
    x32, pixels = x.astype(jnp.float32), tuple(range(1, x.ndim - 1))
    centered = x32 - x32.mean(pixels, keepdims=True)
    normal = centered * jax.lax.rsqrt((centered**2).mean(pixels, keepdims=True) + self.epsilon)
    if self.affine:
      scale = self.param('scale', nn.initializers.ones_init(), x.shape[-1:])
      normal = normal * scale + self.param('bias', nn.initializers.zeros_init(), x.shape[-1:])
    return normal.astype(x.dtype)
