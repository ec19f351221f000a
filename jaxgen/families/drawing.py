"""What an autoregressive model draws: entry after entry, each given those before it in the order.

The first argument is the `AutoregressiveModel` of `jaxgen.families.autoregressive`: its slots, and the way to its
network.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgen import fields
from jaxgen.families import conditions, padding
from jaxgen.families.orders import raster
from jaxgen.samplers.ancestral import ancestral
from jaxgen.samplers.run import run
from jaxgen.types import Batch, Extra, Params, PRNGKey

_FRAMES = 64  # of a trajectory, at most
_LONGEST = 2**20  # entries of a sequence


def sample(
  model: Any,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  length: int | None = None,
  **knobs: float,
) -> jax.Array:
  """x [num, *shape], of sequences that go on [num, length]; the knobs are those of the distribution."""
  chain_rng, given_rng = _keys(rng)
  prepared = conditions.to_sample(given_rng, num, given, model.given)
  start = jnp.zeros((num, *_of_length(model, length)), jnp.int32)
  return _chain(model, params, extra, chain_rng, prepared, start, None, knobs)


def complete(
  model: Any,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  batch: Batch,
  observed: jax.Array,
  tell: Callable[..., None] | None = None,
  length: int | None = None,
  **knobs: float,
) -> jax.Array:
  """The same, whose entries are those of the batch where they are `observed`, bool[B, *shape]; see
  `jaxgen.types.GenerativeModel` for `tell`."""
  prepared = conditions.prepared(batch, model.given)
  start = jnp.where(observed, batch['x'], 0).astype(jnp.int32)
  if length is not None:  # what is there is cut, or what is missing follows it
    blank = jnp.zeros((len(start), *_of_length(model, length)), jnp.int32)
    start, observed = (jnp.concatenate([each, blank], 1)[:, :length] for each in (start, observed))
    observed = observed.astype(bool)
  return _chain(model, params, extra, _keys(rng)[0], prepared, start, observed, knobs, tell)


def trajectory(
  model: Any,
  params: Params,
  extra: Extra,
  rng: PRNGKey,
  num: int,
  given: Mapping[str, jax.Array] | None = None,
  length: int | None = None,
  **knobs: float,
) -> jax.Array:
  """The stages of `sample` under the same key, [T, num, *shape], from nothing to all of it."""
  x = sample(model, params, extra, rng, num, given, length, **knobs)
  silence = model.x.levels // 2 if model.x.kind == 'audio' else 0
  return _stages(x, _order_of(model, x), silence)


def _stages(x, order, empty):
  """What is filled is never touched again, so the last example holds all the stages, [T, B, *shape], with `empty` where
  nothing is yet."""
  filled = jnp.linspace(0, x[0].size, min(x[0].size, _FRAMES) + 1).round()  # [T]
  ranks = order.ranks.reshape(x.shape[1:])
  return jax.vmap(lambda count: jnp.where(ranks < count, x, empty).astype(x.dtype))(filled)


def _chain(model, params, extra, rng, prepared, start, observed, knobs, tell=None):
  """The entries drawn one after the other from where `start`, i32[B, *shape], is not observed."""

  def run_network(*args, method=None):
    switch = {'train': False, 'method': method}
    return model.apply('network', params, extra, *args, **switch)[0]

  draw = partial(model.distribution.draw, **knobs)
  predict, init_cache = model.predictor(run_network, prepared)
  order = _order_of(model, start)
  kernel = ancestral(predict, init_cache, draw, order.entries, observed)
  state, _ = run(_told(kernel, tell, order) if tell else kernel, rng, start, start[0].size)
  return padding.ended(state.position, model.end, observed).astype(fields.dtype(model.x))


def _order_of(model, x):
  """That of examples x, which may be of another length than those of training."""
  return raster(x[0].size) if model.goes_on else model.order


def _of_length(model, length):
  """The shape of an example of so many entries; of None, of those that training has seen."""
  if length is None:
    return model.x.shape
  if not (model.goes_on and 1 <= length <= _LONGEST):
    raise ValueError(
      f'length={length} cannot be used; it must be from 1 to {_LONGEST:,}, of sequences that go on.'
    )
  return (length,)


def _told(kernel, tell, order):
  """The chain, of which every entry is told as it comes."""
  entries = jnp.asarray(order.entries)

  def step(rng, state):
    new, info = kernel.step(rng, state)
    jax.debug.callback(tell, state.index, new.position[:, entries[state.index]])
    return new, info

  return kernel._replace(step=step)


def _keys(rng):
  """Of the chain, and of conditions that are drawn."""
  return jax.random.split(rng)
