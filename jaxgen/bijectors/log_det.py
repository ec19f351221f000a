"""Reductions to one log-determinant per example, in float32."""

import math
from typing import Any

import jax
import jax.numpy as jnp


def zeros(x: Any) -> jax.Array:
  """The log-determinant of a map that keeps volumes, f32[B], of `x` [B, ...] or a pytree of such."""
  return jnp.zeros(jax.tree.leaves(x)[0].shape[0], jnp.float32)


def per_channel(log_scale: jax.Array, x: jax.Array) -> jax.Array:
  """Sums `log_scale` f32[C], the same at every position of `x` [B, ..., C], to f32[B]."""
  positions = math.prod(x.shape[1:-1])
  return jnp.full(x.shape[0], positions * log_scale.astype(jnp.float32).sum())


def sum_over_event(log_derivative: jax.Array) -> jax.Array:
  """Sums elementwise log-derivatives [B, ...] to f32[B]."""
  return log_derivative.astype(jnp.float32).reshape(log_derivative.shape[0], -1).sum(-1)
