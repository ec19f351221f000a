"""Logit: from the unit cube to the whole space."""

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import sum_over_event


class Logit(Bijector):
  """`z = logit(alpha + (1 - 2 alpha) x)` for `x` in the unit cube.

  After Dinh et al., "Density estimation using Real NVP", section 4.1, who keep away from 0 alone. With
  `p = alpha + (1 - 2 alpha) x`, `log|det dz/dx| = sum(log(1 - 2 alpha) - log p - log(1 - p))`; in the other direction
  `-log p - log(1 - p) = softplus(z) + softplus(-z)`, which does not cancel. `Inverse(Logit())` is a sigmoid. Without an
  alpha the ends, to which noise is rounded now and then, are taken for the last numbers before them.

  Attributes:
    alpha: keeps the ends of the interval away from infinity; in [0, 0.5).

  Raises:
    ValueError: if alpha is not there.
  """

  alpha: float = 0.05

  def __post_init__(self):
    if not 0 <= self.alpha < 0.5:
      raise ValueError(f'alpha must be in [0, 0.5), not {self.alpha}: beyond that the map turns around.')
    super().__post_init__()

  @property
  def of_unit_cube(self) -> bool:
    return True

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] in the unit cube -> f32[B, ...], unbounded."""
    p = self.alpha + (1 - 2 * self.alpha) * x
    limits = jnp.finfo(p.dtype)
    p = jnp.where(p == 0, limits.tiny, jnp.where(p == 1, 1 - limits.epsneg, p))
    z = jnp.log(p) - jnp.log1p(-p)
    return z, sum_over_event(self._log_derivative(z))

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...] -> f32[B, ...], in the unit cube for z that comes from it."""
    x = (jax.nn.sigmoid(z) - self.alpha) / (1 - 2 * self.alpha)
    return x, sum_over_event(-self._log_derivative(z))

  def _log_derivative(self, z):
    return jax.nn.softplus(z) + jax.nn.softplus(-z) + jnp.log1p(-2 * self.alpha)
