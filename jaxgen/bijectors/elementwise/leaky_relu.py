"""The rectifier that lets something through."""

import math

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import sum_over_event


class LeakyReLU(Bijector):
  """`z = x` where x is positive, else `slope x`; `log|det dz/dx| = log(slope) #{x < 0}`.

  Its derivative jumps at 0, where it is taken to be 1.

  Shapes: `f32[B, ...] -> f32[B, ...]`.

  Attributes:
    slope: above 0.

  Raises:
    ValueError: if it is not, or is infinite.
  """

  slope: float = 0.01

  def __post_init__(self):
    if not 0 < self.slope < math.inf:
      raise ValueError(f'slope={self.slope} has no inverse: it must be positive and finite.')
    super().__post_init__()

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] with what is negative made smaller."""
    return jnp.where(x < 0, self.slope * x, x), self._log_det(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...] with what is negative made larger."""
    return jnp.where(z < 0, z / self.slope, z), -self._log_det(z)

  def _log_det(self, x):
    return sum_over_event(jnp.where(x < 0, math.log(self.slope), 0).astype(x.dtype))
