"""Activation normalization with data-dependent initialization."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import dtype, per_channel

# A channel whose spread is below this part of its size is constant up to rounding.
_ROUNDING = 1e-6


class ActNorm(Bijector):
  """A scale and a shift per channel (Kingma & Dhariwal, "Glow", section 3.1).

  Forward `z = exp(log_scale) (x + shift)`, inverse `x = exp(-log_scale) z - shift`,
  `log|det dz/dx| = P sum(log_scale)` with `P` the number of positions (pixels; 1 for a vector).

  `init` sets scale and shift so that what leaves it, in whichever direction it is initialized, has zero
  mean and unit variance per channel over the batch. A channel that is constant there is only centred.

  Shapes: `f32[B, ..., C] -> f32[B, ..., C]`; parameters `shift` and `log_scale`, f32[C].
  """

  @property
  def constant_log_det(self) -> bool:
    return True

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ..., C] shifted, then scaled, channel by channel; the log-determinant is `P sum(log_scale)`."""
    shift, log_scale = self._parameters(x, lambda mean, log_std: (-mean, -log_std))
    return (x + shift) * jnp.exp(log_scale), per_channel(log_scale, x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ..., C] scaled back, then shifted back."""
    shift, log_scale = self._parameters(z, lambda mean, log_std: (mean * jnp.exp(-log_std), log_std))
    return z * jnp.exp(-log_scale) - shift, per_channel(-log_scale, z)

  @nn.compact
  def _parameters(self, batch, from_statistics):
    shape = batch.shape[-1:]
    shift, log_scale = jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32)
    if self.is_initializing():
      shift, log_scale = from_statistics(*_statistics(batch))
    parameters = self.param('shift', lambda _: shift), self.param('log_scale', lambda _: log_scale)
    return tuple(parameter.astype(dtype(batch)) for parameter in parameters)


def _statistics(batch):
  """Mean f32[C] and logarithm of the standard deviation f32[C]; 0 in place of the latter where it has none."""
  axes = tuple(range(batch.ndim - 1))
  batch = batch.astype(jnp.float32)
  mean = batch.mean(axes)
  std = jnp.sqrt(jnp.square(batch - mean).mean(axes))
  constant = std <= _ROUNDING * jnp.abs(mean) + 1e-12
  return mean, jnp.log(jnp.where(constant, 1.0, std))
