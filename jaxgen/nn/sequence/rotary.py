"""Rotary positions: attention that sees how far apart two positions are, and not where they stand."""

import jax
import jax.numpy as jnp

_SLOWEST = 10_000.0  # the last pair turns by one radian in nearly so many positions


def rotated(x: jax.Array, positions: jax.Array) -> jax.Array:
  """Queries or keys, of which each pair of numbers is turned by an angle proportional to its position.

    R(m) q . R(n) k = q . R(n - m) k,  the pair i of d / 2 by the angle m 10000^(-2 i / d)

  Su et al., "RoFormer: enhanced transformer with rotary position embedding" (2021), equations 14 to 16; the pairs are
  the numbers i and i + d / 2.

  Args:
    x: f32[B, T, heads, d], d even.
    positions: i32[T], whose differences alone matter.

  Returns:
    f32[B, T, heads, d].

  Raises:
    ValueError: if d is odd.
  """
  dims = x.shape[-1]
  if dims % 2:
    raise ValueError(f'rotary positions turn pairs of numbers, and {dims} are no pairs.')
  rates = _SLOWEST ** (-2 * jnp.arange(dims // 2) / dims)
  angles = (positions[:, None].astype(jnp.float32) * rates)[:, None]  # [T, 1, d / 2]
  cos, sin = jnp.cos(angles), jnp.sin(angles)
  one, other = jnp.split(x.astype(jnp.float32), 2, axis=-1)
  return jnp.concatenate([one * cos - other * sin, one * sin + other * cos], -1).astype(x.dtype)
