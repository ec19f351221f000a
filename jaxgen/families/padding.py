"""Examples of tokens that are of different lengths: what fills them up counts nowhere.

The mask `jaxgen.fields.OBSERVED` says which of the T places hold the example, its end mark among them. A likelihood is
of these alone, and a log-mass: densities of examples of different lengths are of different dimensions, and cannot be
compared. Bits per token are one ratio of a whole split, all nats by all tokens, not a mean of what each example
has per token: a long sentence counts for as much as it is long, as in a text that was not cut.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.fields import OBSERVED
from jaxgen.types import Batch
from jaxgen.updates import ratio

TOKENS = 'tokens'  # the term of an evaluation: how many there are in an example


def until_end(x: jax.Array, end: int) -> jax.Array:
  """bool[B, T] of tokens i[B, T]: the places up to the first `end`, itself among them; all where there is none."""
  return _until(x == end)


def _until(is_end):
  """bool[B, T]: the places up to the first that is one."""
  return jnp.cumsum(is_end, -1) - is_end == 0


def ended(x: jax.Array, end: int | None, observed: jax.Array | None = None) -> jax.Array:
  """Tokens i[B, T] in which all that follows the first `end` is that token again, as the data are filled up.

  What is `observed`, bool[B, T], stays: an end that something observed follows ends nothing."""
  if end is None:
    return x
  is_end = x == end
  if observed is not None:
    is_end &= jnp.cumsum(observed[:, ::-1], -1)[:, ::-1] - observed == 0
  return jnp.where(_until(is_end), x, jnp.asarray(end, x.dtype))


def observed(batch: Batch, end: int | None) -> jax.Array:
  """Which places of x hold the example, bool[B, T]: what the mask says, and without one what the end mark does."""
  if OBSERVED in batch:
    return batch[OBSERVED] != 0
  return jnp.ones(batch['x'].shape, bool) if end is None else until_end(batch['x'], end)


def count(observed: jax.Array) -> jax.Array:
  """The tokens of each example, f32[B], of bool[B, T]."""
  return observed.sum(-1).astype(jnp.float32)


def bits_of_batch(nats: jax.Array, tokens: jax.Array) -> jax.Array:
  """Terms f32[B] whose mean is bits per token of one batch, of minus log-masses f32[B] and tokens f32[B]."""
  return bits_per_token(nats, tokens.mean())


def bits_of_steps(nats: jax.Array, tokens: jax.Array) -> Any:
  """The same as a metric of training: all bits by all tokens over devices, slices of a batch and the steps of a row."""
  return ratio(nats / math.log(2), tokens)


def bits_per_token(nats: Any, tokens: Any) -> Any:
  """Of means, or of sums, over the same examples; 0 where there is no token."""
  return nats / (tokens + (tokens == 0)) / math.log(2)


def summary(means: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
  """The means of a split with its own `bits_per_dim`: per token, by the means of the nats and of the tokens."""
  return {**means, 'bits_per_dim': bits_per_token(means['loss'], means[TOKENS])}
