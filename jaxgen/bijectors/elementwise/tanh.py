"""The hyperbolic tangent."""

import math

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import sum_over_event


class Tanh(Bijector):
  """`z = tanh(x)`, `log|det dz/dx| = sum(2 (log 2 - x - softplus(-2 x)))`, right also where `1 - z^2` is 0.

  Latents are in (-1, 1): of others the inverse is nan. Beyond |x| of 9 float32 rounds tanh to 1, which the inverse
  takes for the last number before it.

  Shapes: `f32[B, ...] -> f32[B, ...]`.
  """

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] -> f32[B, ...] in (-1, 1)."""
    return jnp.tanh(x), sum_over_event(_log_derivative(x))

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...] in (-1, 1) -> f32[B, ...]."""
    inside = jnp.where(jnp.abs(z) == 1, z * (1 - jnp.finfo(z.dtype).epsneg), z)
    x = jnp.arctanh(inside)
    return x, sum_over_event(-_log_derivative(x))


def _log_derivative(x):
  return 2 * (math.log(2) - x - jax.nn.softplus(-2 * x))
