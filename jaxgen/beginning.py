"""Step 0 of a run: its batch, its shapes, its state."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import data, fields, keys, parallel
from jaxgen.programs import once
from jaxgen.types import GenerativeModel, State


class Beginning(NamedTuple):
  """The state at step 0 before it is computed: its shapes, `jax.ShapeDtypeStruct`s, and what computes it."""

  shapes: State
  compute: Callable[[], State]


def step_size(config: ConfigDict) -> int:
  """The examples of one step, over all devices and all the slices of `config.accumulate`."""
  return config.batch_size * config.accumulate


def first_state(
  model: GenerativeModel, config: ConfigDict, batch: Mapping[str, Any], backend: str = 'jit'
) -> State:
  """The state at step 0, laid out for a `backend`: a function of the seed and of the first batch alone."""
  return trace(model, config, batch, backend).compute()


def trace(
  model: GenerativeModel, config: ConfigDict, batch: Mapping[str, Any], backend: str = 'jit'
) -> Beginning:
  """The state at step 0, traced: what does not fit together is found, and nothing is compiled."""
  program, arguments = once(_start(model)), (*_start_keys(config), batch)
  shapes = jax.eval_shape(program, *arguments)
  laid_out = parallel.shapes(shapes, backend)
  if backend == 'fsdp':  # in parts at once: whole it may fit nowhere
    in_parts = once(_start(model), parallel.of_state(shapes, backend))
    return Beginning(laid_out, lambda: in_parts(*arguments))
  return Beginning(laid_out, lambda: parallel.place(program(*arguments), backend))


def first_shapes(model: GenerativeModel, config: ConfigDict) -> State:
  """The shapes of the state at step 0, `jax.ShapeDtypeStruct`s: no data are read, nothing is computed."""
  batch = fields.blank(fields.of(config), step_size(config))
  return jax.eval_shape(_start(model), *_start_keys(config), batch)


def _start(model):
  def start(init_rng, run_rng, batch):
    params, extra = model.init(init_rng, batch)
    return parallel.initial_state(params, extra, model.update.init(params), run_rng)

  return start


def _start_keys(config):
  return keys.of(config.seed, 'init'), keys.of(config.seed, 'training')


def first_batch(source: data.Source, config: ConfigDict) -> dict[str, np.ndarray]:
  """The whole batch of step 0, over all hosts, so that all of them initialize alike."""
  return source.examples(source.indices(config.seed, 0, step_size(config)))
