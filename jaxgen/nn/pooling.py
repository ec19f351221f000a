"""The mean or the largest of cells of 2x2 pixels, or of the neighbours of each pixel, in images of any size."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def mean_pool(x: jax.Array) -> jax.Array:
  """The means of cells of 2x2 pixels, f32[B, H, W, C] -> f32[B, ceil(H / 2), ceil(W / 2), C].

  Where a side is odd, the last cells have the pixels that there are.
  """
  return _cells(x).mean((2, 4))


def max_pool(x: jax.Array) -> jax.Array:
  """The largest values of the same cells."""
  return _cells(x).max((2, 4))


def mean_around(x: jax.Array, side: int) -> jax.Array:
  """The mean of the `side` x `side` pixels around each, an odd number, with zeros around the image.

  Args:
    x: f32[B, H, W, C].
    side: of the squares.

  Returns:
    f32[B, H, W, C].
  """
  return _around(x, side, 0.0, jnp.add) / side**2


def max_around(x: jax.Array, side: int) -> jax.Array:
  """The largest of those of them that lie in the image."""
  return _around(x, side, -jnp.inf, jnp.maximum)


def _around(
  x: jax.Array, side: int, outside: float, combine: Callable[[jax.Array, jax.Array], jax.Array]
) -> jax.Array:
  """One direction after the other, of shifted images; XLA's windows and their gradients are slow on a CPU."""
  for axis in (1, 2):
    edges = [(0, 0)] * x.ndim
    edges[axis] = (side // 2, side // 2)
    padded, size = jnp.pad(x, edges, constant_values=outside), x.shape[axis]
    x = functools.reduce(
      combine, (lax.slice_in_dim(padded, start, start + size, 1, axis) for start in range(side))
    )
  return x


def doubled(x: jax.Array) -> jax.Array:
  """Each pixel in the four of its cell: f32[B, H, W, C] -> f32[B, 2 H, 2 W, C]."""
  return x.repeat(2, 1).repeat(2, 2)


def _cells(x):
  """f32[B, H, 2, W, 2, C]; a missing pixel is that beside it, which changes neither a mean nor a maximum of the two."""
  batch, height, width, channels = x.shape
  if height % 2 or width % 2:
    x = jnp.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), 'edge')
  return x.reshape(batch, -(-height // 2), 2, -(-width // 2), 2, channels)
