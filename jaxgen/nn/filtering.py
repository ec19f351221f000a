"""Images of half and of twice the size through the filter [1, 3, 3, 1], in each direction, with zeros around them.

A signal that is resampled without a filter repeats its high frequencies (Zhang, "Making convolutional networks
shift-invariant again", 2019; the filter is that of Karras et al., "Analyzing and improving the image quality of
StyleGAN", 2020, section 4).
"""

import jax
import jax.numpy as jnp
from jax import lax

_FILTER = (1, 3, 3, 1)


def smoothed(x: jax.Array, padding: tuple[int, int], stride: int = 1) -> jax.Array:
  """The filter, of sum one, at every `stride`-th pixel.

  Args:
    x: f32[B, H, W, C].
    padding: zeros before and behind, along either side.
    stride: along either side.

  Returns:
    f32[B, H', W', C], where H' is `(H + sum(padding) - 4) // stride + 1`.
  """
  for axis in (1, 2):
    edges = [(0, 0)] * x.ndim
    edges[axis] = padding
    x = jnp.pad(x, edges)
    last = (x.shape[axis] - len(_FILTER)) // stride * stride
    parts = (
      weight * lax.slice_in_dim(x, start, start + last + 1, stride, axis)
      for start, weight in enumerate(_FILTER)
    )
    x = sum(parts, jnp.zeros((), x.dtype)) / sum(_FILTER)
  return x


def downsampled(x: jax.Array) -> jax.Array:
  """f32[B, H, W, C] -> f32[B, H / 2, W / 2, C], for even H and W."""
  return smoothed(x, (1, 1), 2)


def upsampled(x: jax.Array) -> jax.Array:
  """f32[B, H, W, C] -> f32[B, 2 H, 2 W, C].

  A new pixel lies a quarter of the way from the nearest old one to the next: 3/4 and 1/4 of these.
  """
  for axis in (1, 2):
    edges = [(0, 0)] * x.ndim
    edges[axis] = (1, 1)
    padded, size = jnp.pad(x, edges), x.shape[axis]
    before, after = (lax.slice_in_dim(padded, start, start + size, 1, axis) for start in (0, 2))
    pairs = jnp.stack([before + 3 * x, 3 * x + after], axis + 1) / 4
    x = pairs.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])
  return x
