"""Ancestral sampling: one position after the other, each given those before it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.types import Position, Sampler


class AncestralState(NamedTuple):
  """`position` is the partly filled array, `index` the next position, `cache` what the predictor keeps."""

  position: jax.Array  # i32[B, ...]
  index: jax.Array  # type: ignore[assignment]  # i32[]; a tuple has a method of this name
  cache: Any


class AncestralInfo(NamedTuple):
  """`log_prob` is that of the value just drawn, in nats; its sum over a run is the sample's log-mass."""

  log_prob: jax.Array  # f32[B]


def ancestral(
  predict: Callable[[Position, jax.Array, Any], tuple[jax.Array, Any]],
  init_cache: Callable[[Position], Any] = lambda position: (),
) -> Sampler:
  """Draws x_i ~ p(x_i | x_1, ..., x_{i-1}) at step i, in row-major order.

  The position is an array of whole numbers [B, ...], B examples of D entries. A run of D steps fills it; what
  it held before does not matter to a predictor that looks only at what comes earlier. Steps beyond D change
  nothing but the last entry.

  Args:
    predict: `(position, index i32[], cache) -> (logits f32[B, L], cache)`, the distribution of entry `index`.
    init_cache: `position -> cache`, for a predictor that keeps what need not be computed again.

  Returns:
    A `Sampler` with the state `AncestralState` and the info `AncestralInfo`.
  """

  def init(position):
    return AncestralState(position, jnp.zeros((), jnp.int32), init_cache(position))

  def step(rng, state):
    flat = state.position.reshape(state.position.shape[0], -1)
    index = jnp.minimum(state.index, flat.shape[1] - 1)
    logits, cache = predict(state.position, index, state.cache)
    value = jax.random.categorical(rng, logits.astype(jnp.float32))  # [B]
    log_prob = jnp.take_along_axis(jax.nn.log_softmax(logits.astype(jnp.float32)), value[:, None], 1)[:, 0]
    flat = lax.dynamic_update_slice_in_dim(flat, value[:, None].astype(flat.dtype), index, axis=1)
    return AncestralState(flat.reshape(state.position.shape), state.index + 1, cache), AncestralInfo(log_prob)

  return Sampler(init, step)
