"""Ancestral sampling: one position after the other, each given those before it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from jaxgen.types import Position, PRNGKey, Sampler


class AncestralState(NamedTuple):
  """`position` is the partly filled array, `index` the number of entries drawn, `cache` what the predictor keeps."""

  position: jax.Array  # i32[B, ...]
  index: jax.Array  # type: ignore[assignment]  # i32[]; a tuple has a method of this name
  cache: Any


class AncestralInfo(NamedTuple):
  """`log_prob` is that of the value just drawn, in nats; its sum over a run is the sample's log-mass. Where an entry is
  observed, it is that of the value which would have been drawn."""

  log_prob: jax.Array  # f32[B]


def categorical(rng: PRNGKey, logits: jax.Array) -> tuple[jax.Array, jax.Array]:
  """A draw from softmax(logits f32[B, L]): `(values i32[B], log_mass f32[B])`."""
  logits = logits.astype(jnp.float32)
  value = jax.random.categorical(rng, logits)
  return value, jnp.take_along_axis(jax.nn.log_softmax(logits), value[:, None], 1)[:, 0]


def truncated(
  logits: jax.Array,
  temperature: float | jax.Array = 1.0,
  top_k: int | jax.Array | None = None,
  top_p: float | jax.Array = 1.0,
) -> jax.Array:
  """The logits of p^(1 / temperature) among the likeliest values alone: f32[B, L], -inf for all others.

  Args:
    logits: f32[B, L].
    temperature: at 0 nothing is left but the mode.
    top_k: as many values as are left, of equals those that come first (Fan et al., "Hierarchical neural story
      generation", 2018, section 5); None: all.
    top_p: of these, the fewest that hold so much of their mass together (Holtzman et al., "The curious case of neural
      text degeneration", 2020, equation 2); at least one.

  Raises:
    ValueError: if the temperature is less than 0, `top_k` less than 1, or `top_p` not in [0, 1]; of what is traced
      nothing is known, and the likeliest value is left always.
  """
  levels = logits.shape[-1]
  most: Any = levels if top_k is None else top_k
  _check('temperature', temperature, 0, np.inf, '0 or more')
  _check('top_k', most, 1, np.inf, '1 or more')
  _check('top_p', top_p, 0, 1, 'in [0, 1]')
  # jax counts by 32 bits, and more values than there are may be asked for
  most = jnp.maximum(most, 1) if _is_traced(most) else np.minimum(np.asarray(most), levels)
  # by a temperature of 0 nothing can be divided: at a millionth the mode prevails over all but ties
  logits = logits.astype(jnp.float32) / jnp.maximum(temperature, 1e-6)
  if _is(most, levels) and _is(top_p, 1):
    return logits  # without a sort, which costs more than a draw
  order = jnp.argsort(-logits, axis=-1)
  ranked = jnp.take_along_axis(logits, order, axis=-1)
  ranked = jnp.where(jnp.arange(levels) < most, ranked, -jnp.inf)
  mass = jax.nn.softmax(ranked)
  likelier = jnp.cumsum(mass, -1) - mass  # what those before it hold
  left = jnp.isfinite(ranked) & ((likelier < top_p) | (jnp.arange(levels) == 0) | (jnp.asarray(top_p) >= 1))
  return jnp.where(jnp.take_along_axis(left, jnp.argsort(order, axis=-1), axis=-1), logits, -jnp.inf)


def ancestral(
  predict: Callable[[Position, jax.Array, Any], tuple[jax.Array, Any]],
  init_cache: Callable[[Position], Any] = lambda position: (),
  draw: Callable[[PRNGKey, jax.Array], tuple[jax.Array, jax.Array]] = categorical,
  order: Sequence[int] | np.ndarray | None = None,
  observed: jax.Array | None = None,
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
    observed: bool[B, ...], the entries that stay as the position has them. The others are drawn with the same keys
      as without it: a sample is continued from any part at its beginning to the same sample.

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
    value = value.astype(flat.dtype)
    if observed is not None:
      value = jnp.where(observed.reshape(flat.shape)[:, entry], flat[:, entry], value)
    flat = lax.dynamic_update_slice_in_dim(flat, value[:, None], entry, axis=1)
    return AncestralState(flat.reshape(state.position.shape), state.index + 1, cache), AncestralInfo(log_prob)

  return Sampler(init, step)


def _is_traced(number):
  return isinstance(number, Tracer)


def _is(number, value):
  return not _is_traced(number) and np.all(np.asarray(number) == value)


def _check(name, number, least, most, words):
  """Raises a `ValueError` for a number, or an array of some, that is known and not between the two."""
  if not _is_traced(number) and not np.all((least <= np.asarray(number)) & (np.asarray(number) <= most)):
    raise ValueError(f'{name}={number} cannot be used; it must be {words}.')
