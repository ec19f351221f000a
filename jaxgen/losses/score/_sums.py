"""Sums over all axes of an example but the first."""

import jax


def per_example(terms: jax.Array) -> jax.Array:
  """[B, ...] -> [B]."""
  return terms.reshape(terms.shape[0], -1).sum(1)


def half_square(vectors: jax.Array) -> jax.Array:
  """`||v||^2 / 2`, [B, ...] -> [B]."""
  return per_example(vectors**2) / 2


def spread(numbers: jax.Array, over: jax.Array) -> jax.Array:
  """[B] -> [B, 1, ...], to be multiplied with arrays of the rank of `over`."""
  return numbers.reshape((-1,) + (1,) * (over.ndim - 1))
