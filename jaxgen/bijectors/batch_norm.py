"""Batch normalization as a bijector."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import dtype, per_channel


class BatchNorm(Bijector):
  """Normalizes each channel by statistics of recent batches (Dinh et al., "Real NVP", section 3.7 and appendix E).

  Forward `z = (x - mean) / sqrt(variance + epsilon)` (equation 18), inverse `x = z sqrt(variance + epsilon) + mean`,
  `log|det dz/dx| = -P sum(log(variance + epsilon)) / 2` (equation 19) with `P` the number of positions (pixels; 1 for
  a vector). There is nothing to learn in it.

  In training, with `m` and `v` the moments of the batch over examples and positions, and `running` those kept,

      used = lag stop_gradient(running) + (1 - lag) (m, v)
      running <- momentum running + (1 - momentum) (m, v)

  Gradients pass through the batch's own moments alone, as in the paper. `lag=0` is the usual batch normalization;
  `lag=momentum` is the paper's variant for small batches, which normalizes by the running average after its update.
  Elsewhere, and in the inverse always, the running moments are used: there no example sees another, and one
  direction undoes the other. `init` takes the first running moments from its batch, so that no training is spent on
  them.

  Shapes: `f32[B, ..., C] -> f32[B, ..., C]`; `mean` and `variance` f32[C] are in the collection 'batch_stats'.

  Attributes:
    momentum: of the running moments, in [0, 1).
    lag: how much of the running moments training uses, in [0, 1).
    epsilon: added to the variance, above 0: a channel that is constant is only centred, and scaled by a constant.
    axis_name: of the devices that share the moments of a batch.

  Raises:
    ValueError: if one of the numbers lies outside of its range.
  """

  momentum: float = 0.9
  lag: float = 0.0
  epsilon: float = 1e-4
  axis_name: str | None = None

  @property
  def constant_log_det(self) -> bool:
    return True

  def __post_init__(self):
    if not (0 <= self.momentum < 1 and 0 <= self.lag < 1 and self.epsilon > 0):
      raise ValueError(
        f'batch normalization needs momentum and lag in [0, 1) and epsilon above 0, not momentum={self.momentum}, '
        f'lag={self.lag} and epsilon={self.epsilon}.'
      )
    super().__post_init__()

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ..., C] centred and scaled; in training it also moves the running moments."""
    mean, variance = self._used(x, learns=True)
    return (x - mean) * lax.rsqrt(variance + self.epsilon), per_channel(self._log_scale(variance), x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ..., C] scaled back and moved back by the running moments."""
    mean, variance = self._used(z, learns=False)
    return z * jnp.sqrt(variance + self.epsilon) + mean, per_channel(-self._log_scale(variance), z)

  def _log_scale(self, variance):
    return -0.5 * jnp.log(variance + self.epsilon)

  @nn.compact
  def _used(self, batch, learns):
    """Mean and variance, f32[C] each, by which to normalize."""
    starting = self.is_initializing()
    moments: tuple[jax.Array, ...] = self._moments(batch) if starting else ()
    kept = [
      self.variable('batch_stats', name, lambda i=i: moments[i])
      for i, name in enumerate(('mean', 'variance'))
    ]
    running = [lax.stop_gradient(variable.value).astype(dtype(batch)) for variable in kept]
    if starting or not (learns and self.is_mutable_collection('batch_stats')):
      return running
    moments = self._moments(batch)
    for variable, old, new in zip(kept, running, moments, strict=True):
      moved = _mixed(self.momentum, old, lax.stop_gradient(new))
      variable.value = moved.astype(variable.value.dtype)
    return [_mixed(self.lag, old, new) for old, new in zip(running, moments, strict=True)]

  def _moments(self, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and variance of a batch over all but the last axis; over all devices once there are some."""
    batch = batch.astype(dtype(batch))
    axes = tuple(range(batch.ndim - 1))
    mean = self._over_devices(batch.mean(axes))
    return mean, self._over_devices(jnp.square(batch - mean).mean(axes))

  def _over_devices(self, value: jax.Array) -> jax.Array:
    alone = self.axis_name is None or self.is_initializing()
    return value if alone else lax.pmean(value, self.axis_name)


def _mixed(weight, old, new):
  return weight * old + (1 - weight) * new
