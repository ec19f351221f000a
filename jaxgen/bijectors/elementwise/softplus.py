"""The softplus function."""

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import sum_over_event


class Softplus(Bijector):
  """`z = log(1 + exp(x))`, `log|det dz/dx| = -sum(softplus(-x))`; positive latents, linear in x where it is large.

  The inverse `x = z + log(1 - exp(-z))` is of positive z; of others it is nan. In float32 the forward direction ends
  at 0 below x of -87.

  Shapes: `f32[B, ...] -> f32[B, ...]`.
  """

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] -> f32[B, ...], positive."""
    return jax.nn.softplus(x), sum_over_event(-jax.nn.softplus(-x))

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...], positive -> f32[B, ...]."""
    slope = -jnp.expm1(-z)  # sigmoid(x), the derivative of the forward direction
    return z + jnp.log(slope), sum_over_event(-jnp.log(slope))
