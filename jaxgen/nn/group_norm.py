"""Group normalization as one multiplication and one addition for each channel."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class GroupNorm(nn.Module):
  """`flax.linen.GroupNorm` (Wu & He 2018, equations 1, 2 and 7), parameters and values: f32[B, *S, C].

  Statistics are first taken for each channel, then joined for each group, and mean, variance, scale and bias become
  one factor and one summand for each example and channel. On a CPU that spares reductions over a few
  channels, which are slow, and passes over the image.

  Attributes:
    num_groups: of the channels.
    epsilon: added to the variance.
  """

  num_groups: int
  epsilon: float = 1e-6

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Normalizes; the statistics are f32.

    Raises:
      ValueError: if the groups do not divide the channels.
    """
    channels = x.shape[-1]
    if channels % self.num_groups:
      raise ValueError(f'{channels} channels do not fall into {self.num_groups} groups.')
    scale = self.param('scale', nn.initializers.ones_init(), (channels,))
    bias = self.param('bias', nn.initializers.zeros_init(), (channels,))
    pixels = tuple(range(1, x.ndim - 1))

    def group_mean(values):
      means = values.mean(pixels).reshape(len(x), self.num_groups, -1).mean(-1)  # [B, groups]
      return jnp.repeat(means, channels // self.num_groups, axis=-1)

    x32 = x.astype(jnp.float32)
    mean = group_mean(x32)
    variance = jnp.maximum(group_mean(x32**2) - mean**2, 0.0)
    factor = scale * jax.lax.rsqrt(variance + self.epsilon)
    summand = bias - mean * factor
    return (x32 * jnp.expand_dims(factor, pixels) + jnp.expand_dims(summand, pixels)).astype(x.dtype)
