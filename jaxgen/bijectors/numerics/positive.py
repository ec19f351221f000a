"""Positive numbers from unbounded ones."""

import math

import jax

# What stands for zero: below it a map contracts so much that float32 cannot undo it.
_LEAST = 1e-3


def positive(raw: jax.Array) -> jax.Array:
  """`1e-3 + (1 - 1e-3) softplus(raw + log(e - 1))`, elementwise: above 1e-3, increasing, and 1 at 0."""
  return _LEAST + (1 - _LEAST) * jax.nn.softplus(raw + math.log(math.e - 1))
