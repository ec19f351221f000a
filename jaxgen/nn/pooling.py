"""The mean or the largest of cells of 2x2 pixels, of images of any size."""

import jax
import jax.numpy as jnp


def mean_pool(x: jax.Array) -> jax.Array:
  """The means of cells of 2x2 pixels, f32[B, H, W, C] -> f32[B, ceil(H / 2), ceil(W / 2), C].

  Where a side is odd, the last cells have the pixels that there are.
  """
  return _cells(x).mean((2, 4))


def max_pool(x: jax.Array) -> jax.Array:
  """The largest values of the same cells."""
  return _cells(x).max((2, 4))


def doubled(x: jax.Array) -> jax.Array:
  """Each pixel in the four of its cell: f32[B, H, W, C] -> f32[B, 2 H, 2 W, C]."""
  return x.repeat(2, 1).repeat(2, 2)


def _cells(x):
  """f32[B, H, 2, W, 2, C]; a missing pixel is that beside it, which changes neither a mean nor a maximum of the two."""
  batch, height, width, channels = x.shape
  if height % 2 or width % 2:
    x = jnp.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), 'edge')
  return x.reshape(batch, -(-height // 2), 2, -(-width // 2), 2, channels)
