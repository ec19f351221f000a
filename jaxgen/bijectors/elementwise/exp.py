"""The exponential function."""

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import sum_over_event


class Exp(Bijector):
  """`z = exp(x)`, `log|det dz/dx| = sum(x)`; `Inverse(Exp())` is the logarithm of positive data.

  Latents are positive: of others the inverse is nan. In float32 it leaves the numbers beyond x of 88, and below -87.

  Shapes: `f32[B, ...] -> f32[B, ...]`.
  """

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] -> f32[B, ...], positive."""
    return jnp.exp(x), sum_over_event(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...], positive -> f32[B, ...]."""
    x = jnp.log(z)
    return x, sum_over_event(-x)
