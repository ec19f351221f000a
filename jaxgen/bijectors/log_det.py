"""Reductions to one log-determinant per example, in float32, or in float64 where the data are."""

import math
from typing import Any

import jax
import jax.numpy as jnp


def dtype(x: jax.Array) -> jnp.dtype:
  """What the log-determinant of `x` is in: float64 for float64, float32 for all else."""
  return jnp.promote_types(x.dtype, jnp.float32)


def zeros(x: Any) -> jax.Array:
  """The log-determinant of a map that keeps volumes, f32[B], of `x` [B, ...] or a pytree of such."""
  first = jax.tree.leaves(x)[0]
  return jnp.zeros(first.shape[0], dtype(first))


def per_channel(log_scale: jax.Array, x: jax.Array) -> jax.Array:
  """Sums `log_scale` f32[C], the same at every position of `x` [B, ..., C], to f32[B]."""
  positions = math.prod(x.shape[1:-1])
  return jnp.full(x.shape[0], positions * log_scale.astype(dtype(x)).sum())


def sum_over_event(log_derivative: jax.Array) -> jax.Array:
  """Sums elementwise log-derivatives [B, ...] to f32[B]."""
  precise = log_derivative.astype(dtype(log_derivative))
  return precise.reshape(precise.shape[0], -1).sum(-1)
