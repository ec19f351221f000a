"""Exponentials that stay finite, and sums of terms, in float32.

Whatever finite numbers a network puts out, up to 1e4 either way, values and gradients are finite: where an exponential
would overflow, beyond `exp(40)`, its tangent goes on in its place. Unlike a clipped one it keeps a gradient that leads
back. Standard deviations between 2e-9 and 4e8 are not concerned.
"""

import math

import jax
import jax.numpy as jnp

EXPONENT = 40.0  # even 1e4 beyond it, times a squared error of 1e9 and 1e6 dimensions, is a float32


def exp(x: jax.Array, limit: float = EXPONENT) -> jax.Array:
  """`exp(x)`, beyond `limit` its tangent there."""
  return jnp.exp(jnp.minimum(x, limit)) + math.exp(limit) * jnp.maximum(x - limit, 0)


def expm1(x: jax.Array) -> jax.Array:
  """`exp(x) - 1`, continued like `exp`."""
  return jnp.expm1(jnp.minimum(x, EXPONENT)) + math.exp(EXPONENT) * jnp.maximum(x - EXPONENT, 0)


def in_float32(*arrays: jax.Array | float) -> tuple[jax.Array, ...]:
  """Each as an array of float32."""
  return tuple(jnp.asarray(array, jnp.float32) for array in arrays)


def sum_over_event(terms: jax.Array, observed: jax.Array | None = None) -> jax.Array:
  """[B, ...] -> [B], over those that are observed where a mask says which."""
  terms = terms if observed is None else jnp.where(observed, terms, 0)
  return terms.reshape(terms.shape[0], -1).sum(-1)
