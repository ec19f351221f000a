"""A fixed scale and shift."""

import math

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import per_channel


class ScaleShift(Bijector):
  """`z = scale x + shift` with constants: pixels to the range that a network likes.

  `log|det dz/dx| = D log|scale|`.

  Attributes:
    scale: not 0.
    shift: any number.

  Raises:
    ValueError: if one of them is not finite, or the scale is 0.
  """

  scale: float = 1.0
  shift: float = 0.0

  @property
  def constant_log_det(self) -> bool:
    return True

  def __post_init__(self):
    if not (self.scale and math.isfinite(self.scale) and math.isfinite(self.shift)):
      raise ValueError(
        f'scale={self.scale} and shift={self.shift} have no inverse: they must be finite, and the scale not 0.'
      )
    super().__post_init__()

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] -> `scale x + shift`."""
    return x * self.scale + self.shift, self._log_det(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...] -> `(z - shift) / scale`."""
    return (z - self.shift) / self.scale, -self._log_det(z)

  def _log_det(self, x):
    return per_channel(jnp.full(x.shape[-1], math.log(abs(self.scale))), x)
