"""Ancestral sampling: one position after the other, each given those before it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.types import Position, PRNGKey, Sampler


class AncestralState(NamedTuple):
  """`position` is the partly filled array, `index` the number of entries drawn, `cache` what the predictor keeps."""

  position: jax.Array  # i32[B, ...]
  index: jax.Array  # type: ignore[assignment]  # i32[]; a tuple has a method of this name
  cache: Any


class AncestralInfo(NamedTuple):
  """`log_prob` is that of the value just drawn, in nats; its sum over a run is the sample's log-mass."""

  log_prob: jax.Array  # f32[B]


def categorical(rng: PRNGKey, logits: jax.Array) -> tuple[jax.Array, jax.Array]:
  """A draw from softmax(logits f32[B, L]): `(values i32[B], log_mass f32[B])`."""
  logits = logits.astype(jnp.float32)
  value = jax.random.categorical(rng, logits)
  return value, jnp.take_along_axis(jax.nn.log_softmax(logits), value[:, None], 1)[:, 0]


def ancestral(
  predict: Callable[[Position, jax.Array, Any], tuple[jax.Array, Any]],
  init_cache: Callable[[Position], Any] = lambda position: (),
  draw: Callable[[PRNGKey, jax.Array], tuple[jax.Array, jax.Array]] = categorical,
  order: Sequence[int] | np.ndarray | None = None,
) -> Sampler:
  """Draws x_i ~ p(x_i | x_1, ..., x_{i-1}) at step i.

  The position is an array [B, ...], B examples of D entries. A run of D steps fills it; what
  it held before does not matter to a predictor that looks only at what comes earlier. Steps beyond D change
  nothing but the last entry.

  Args:
    predict: `(position, entry i32[], cache) -> (outputs f32[B, L], cache)`, the distribution of an entry.
    init_cache: `position -> cache`, for a predictor that keeps what need not be computed again.
    draw: `(rng, outputs) -> (values [B], log_mass f32[B])`; by default the outputs are logits.
    order: the entry that comes k-th, i32[D]; by default in row-major order.

  Returns:
    A `Sampler` with the state `AncestralState` and the info `AncestralInfo`.
  """

  def init(position):
    return AncestralState(position, jnp.zeros((), jnp.int32), init_cache(position))

  def step(rng, state):
    flat = state.position.reshape(state.position.shape[0], -1)
    index = jnp.minimum(state.index, flat.shape[1] - 1)
    entry = index if order is None else jnp.asarray(order)[index]
    outputs, cache = predict(state.position, entry, state.cache)
    value, log_prob = draw(rng, outputs)  # [B] each
    flat = lax.dynamic_update_slice_in_dim(flat, value[:, None].astype(flat.dtype), entry, axis=1)
    return AncestralState(flat.reshape(state.position.shape), state.index + 1, cache), AncestralInfo(log_prob)

  return Sampler(init, step)
