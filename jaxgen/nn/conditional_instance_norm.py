"""Instance normalization that keeps how bright a channel was beside the others, and depends on a condition."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class ConditionalInstanceNorm(nn.Module):
  """Conditional instance normalization ++ (Song & Ermon, "Generative modeling by estimating gradients of the data
  distribution", 2019, appendix A): f32[B, *S, C] of the same shape.

  `z_k = gain_k (x_k - mean_k) / std_k + share_k (mean_k - m) / v + bias_k`, where m and v are the mean and the standard
  deviation of the channels' means: what normalization takes from a channel, its mean, comes back as a share.
  Gain, share and bias are linear in the condition, a row of a table for one that is one-hot; without one they are
  parameters. Gains and shares start at `N(1, 0.02^2)`, biases at 0.

  Attributes:
    epsilon: added to both variances.
  """

  epsilon: float = 1e-5

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None) -> jax.Array:
    """Normalizes; `condition` is f32[B, K] or nothing. The statistics are f32."""
    x32, pixels = x.astype(jnp.float32), tuple(range(1, x.ndim - 1))
    near_zero, zeros = nn.initializers.normal(0.02), nn.initializers.zeros_init()
    gain = 1 + self._map('gain', near_zero, x, condition)
    share = 1 + self._map('share', near_zero, x, condition)
    means = x32.mean(pixels)  # [B, C]
    centered = x32 - jnp.expand_dims(means, pixels)
    factor = gain * jax.lax.rsqrt((centered**2).mean(pixels) + self.epsilon)
    among = means - means.mean(-1, keepdims=True)
    among = among * jax.lax.rsqrt((among**2).mean(-1, keepdims=True) + self.epsilon)
    summand = share * among + self._map('bias', zeros, x, condition)
    return (centered * jnp.expand_dims(factor, pixels) + jnp.expand_dims(summand, pixels)).astype(x.dtype)

  def _map(self, name, init, x, condition):
    if condition is None:
      return self.param(name, init, (x.shape[-1],))
    dense = nn.Dense(x.shape[-1], use_bias=False, kernel_init=init, name=name)
    return dense(condition).astype(jnp.float32)
