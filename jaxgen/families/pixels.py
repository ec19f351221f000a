"""Pixels as networks without a likelihood see them: in [-1, 1]."""

import jax
import jax.numpy as jnp

from jaxgen import fields


def to_network(x: jax.Array, levels: int) -> jax.Array:
  """Whole numbers in [0, levels) as f32 in [-1, 1]; continuous data (`levels` is 0) as it is."""
  return x.astype(jnp.float32) * (2.0 / (levels - 1)) - 1.0 if levels else x


def to_data(x: jax.Array, levels: int) -> jax.Array:
  """The inverse: the nearest level, as whole numbers; continuous data as it is."""
  if not levels:
    return x
  return jnp.clip(jnp.round((x + 1.0) * ((levels - 1) / 2.0)), 0, levels - 1).astype(fields.dtype_of(levels))
