"""Averages of parameters over the steps."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.types import Extra, Params, State, Update
from jaxgen.updates.players import selected

# Where `extra` has this entry, a tree of parts of itself under the same names, `ema` averages these parts too.
AVERAGED = 'averaged'


class EmaState(NamedTuple):
  """`average` has the shape of the parameters that are averaged; `count` is the number of updates it has seen."""

  count: jax.Array  # type: ignore[assignment]  # a tuple has a method of this name
  average: Params


def ema(decay: float, *, wrt: str | Sequence[str] | None = None) -> Update:
  """An exponential moving average of parameters, warmed up so that early samples are not noise.

  `average <- d average + (1 - d) params` with `d = min(decay, (1 + t) / (10 + t))`, where `t` counts the
  updates (the warm-up is TensorFlow's `ExponentialMovingAverage` with `num_updates`). It counts its own: inside of a
  player of `alternate` it ticks when that player moves. Batch statistics that `extra['averaged']` names are averaged
  with the parameters, see `averaged_extra`.

  Args:
    decay: d, in [0, 1).
    wrt: top-level key or keys of the parameters to average; all of them where None.

  Raises:
    ValueError: if `decay` is not in [0, 1).
    KeyError: if `wrt` names a key that the parameters lack.
  """
  keys = (wrt,) if isinstance(wrt, str) else wrt
  if not 0 <= decay < 1:
    raise ValueError(f'decay must be in [0, 1), not {decay}.')

  def init(params):
    return EmaState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.array, selected(params, keys)))

  def apply(state, rng, batch):
    del rng, batch
    count, average = state.opt
    rate = jnp.minimum(decay, (1.0 + count) / (10.0 + count))
    moving = selected(state.params, keys)
    toward = partial(jax.tree.map, lambda a, p: a + ((1 - rate) * (p - a)).astype(a.dtype))
    extra = state.extra
    if _has_averages(extra):
      parts = toward(extra[AVERAGED], _parts(extra, extra[AVERAGED]))
      extra = {**extra, AVERAGED: parts}
    return state._replace(extra=extra, opt=EmaState(count + 1, toward(average, moving))), {}

  return Update(init, apply)


def averaged_extra(extra: Extra) -> Extra:
  """`extra` with the averages of its parts in their places; itself where it has none."""
  return _placed(extra, extra[AVERAGED]) if _has_averages(extra) else extra


def averaged_params(state: State) -> Params:
  """The parameters with those in place that an `ema` of the update averages; themselves where there is none."""
  params = state.params
  for leaf in jax.tree.leaves(state.opt, is_leaf=lambda node: isinstance(node, EmaState)):
    if isinstance(leaf, EmaState):
      params = {**params, **leaf.average} if isinstance(params, Mapping) else leaf.average
  return params


def _has_averages(extra):
  return isinstance(extra, Mapping) and AVERAGED in extra


def _parts(tree, like):
  """Those of a tree that another one has too."""
  return (
    {name: _parts(tree[name], part) for name, part in like.items()} if isinstance(like, Mapping) else tree
  )


def _placed(tree, parts):
  """The tree with these parts in the places of its own."""
  if not isinstance(parts, Mapping):
    return parts
  return {**tree, **{name: _placed(tree[name], part) for name, part in parts.items()}}
