"""Pixels as networks without a likelihood see them: in [-1, 1]."""

import math

import jax
import jax.numpy as jnp

from jaxgen.types import PRNGKey


def to_network(x: jax.Array, levels: int) -> jax.Array:
  """Whole numbers in [0, levels) as f32 in [-1, 1]; continuous data (`levels` is 0) as it is."""
  return x.astype(jnp.float32) * (2.0 / (levels - 1)) - 1.0 if levels else x


def to_data(x: jax.Array, levels: int) -> jax.Array:
  """The inverse: the nearest level, as uint8; continuous data as it is."""
  if not levels:
    return x
  return jnp.clip(jnp.round((x + 1.0) * ((levels - 1) / 2.0)), 0, levels - 1).astype(jnp.uint8)


def dequantized(rng: PRNGKey, x: jax.Array, levels: int) -> tuple[jax.Array, float]:
  """`to_network(x + U[-1/2, 1/2))`, and what turns a log-density there into one on the unit cube.

  The unit cube holds `(x + U[0, 1)) / levels`, so a side of it is `2 levels / (levels - 1)` long here. Continuous
  data stays as it is.

  Args:
    rng: key of the noise.
    x: whole numbers [B, ...] in [0, levels), or f32[B, ...] if `levels` is 0.
    levels: the number of values.

  Returns:
    f32[B, ...], and the sum `D log(2 levels / (levels - 1))` in nats, to be added to the log-density of an example.
  """
  if not levels:
    return x, 0.0
  noisy = x + jax.random.uniform(rng, x.shape, minval=-0.5, maxval=0.5)
  return to_network(noisy, levels), x[0].size * math.log(2 * levels / (levels - 1))
