"""Normalization without parameters, and what tells a batch without variety."""

import jax
import jax.numpy as jnp
from jax import lax


def pixel_norm(x: jax.Array) -> jax.Array:
  """Every pixel's vector over the root of the mean of its squares, f32[..., C] -> f32[..., C] (Karras et al.,
  "Progressive growing of GANs", 2018, section 4.2)."""
  squares = jnp.square(x.astype(jnp.float32)).mean(-1, keepdims=True)
  return x * lax.rsqrt(squares + 1e-8).astype(x.dtype)


def minibatch_stddev(x: jax.Array, most: int = 4) -> jax.Array:
  """The input, and one more channel: the standard deviation within groups of examples, averaged over all features and
  pixels (Karras et al. 2018, section 3; groups as in their released code).

  Args:
    x: f32[B, H, W, C].
    most: examples of a group, or the largest number below that divides B.

  Returns:
    f32[B, H, W, C + 1].
  """
  batch, height, width, _ = x.shape
  size = max(num for num in range(1, min(most, batch) + 1) if batch % num == 0)
  groups = x.astype(jnp.float32).reshape(size, batch // size, *x.shape[1:])
  deviation = jnp.sqrt(groups.var(0) + 1e-8).mean((1, 2, 3))
  channel = jnp.broadcast_to(jnp.tile(deviation, size)[:, None, None, None], (batch, height, width, 1))
  return jnp.concatenate([x, channel.astype(x.dtype)], -1)
