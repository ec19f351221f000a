"""Bits per dimension: the one place where a log-likelihood leaves nats."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp


def bits_per_dim(
  log_prob: jax.Array, event_shape: Sequence[int], levels: int, entries: jax.Array | None = None
) -> jax.Array:
  """The code length of an example, per dimension, in bits.

  `(log(levels) - log_prob / D) / log 2` with `D = prod(event_shape)` (Theis et al., "A note on the
  evaluation of generative models", section 3.1). `log_prob` is the log-density of
  `x = (u + U[0, 1)) / levels` on the unit cube; a discrete model adds `D log(levels)` to its log-mass
  first. With `levels = 0` (continuous data, no quantization) it is `-log_prob / (D log 2)`, which may be
  negative.

  Of a log-mass this is the code length of the discrete data. A density p, however exact, is that of data with
  noise, and `E_u log p(x + u) <= log E_u p(x + u) = log P(x)`, the log-mass: on average over the noise the number
  is an upper bound of the code length (same section).

  Args:
    log_prob: f32[...], nats, usually f32[B].
    event_shape: the shape of one example, `(H, W, C)` or `(D,)`.
    levels: the number of values a pixel takes; 0 where the values are continuous.
    entries: in place of D, of how many entries `log_prob` is, [...]: of examples with gaps those that were observed. Of
      none of them nothing is to be told, 0 bits.

  Returns:
    f32[...], the shape of `log_prob`.

  Raises:
    ValueError: if the event has no dimensions, or `levels` is negative.
  """
  dims = math.prod(event_shape)
  if not event_shape or dims < 1:
    raise ValueError(f'an event of shape {tuple(event_shape)} has no dimensions.')
  if levels < 0:
    raise ValueError(f'levels must be at least 0, not {levels}.')
  log_prob = jnp.asarray(log_prob, jnp.float32)
  if entries is None:
    return (math.log(max(levels, 1)) - log_prob / dims) / math.log(2)
  bits = (math.log(max(levels, 1)) - log_prob / jnp.maximum(entries, 1)) / math.log(2)
  return jnp.where(entries > 0, bits, 0.0)
