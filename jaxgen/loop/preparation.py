"""A run before its first step: what stays the same while it lasts, its first state, and the batches of its steps."""

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import beginning, data, experiment, parallel
from jaxgen.programs import compiling
from jaxgen.types import GenerativeModel, Stage, State


class Setting(NamedTuple):
  """What stays the same during a run."""

  config: ConfigDict
  workdir: Path
  source: data.Source
  model: GenerativeModel
  stages: Mapping[str, Stage]  # the runs that it is built on
  backend: str
  resident: Any  # the whole training set on the devices, or None where it is streamed
  step: parallel.Dispatcher


class Dispatch(NamedTuple):
  """The steps `first, ..., last - 1`, which one program takes."""

  first: int
  last: int
  batches: Any

  def due(self, every: int) -> bool:
    """Whether the dispatch completes a multiple of `every` steps; never where that is 0."""
    return bool(every) and self.last // every > self.first // every


def prepare(config: ConfigDict, workdir: Path, trust: bool = False) -> Setting:
  """Reads the data and builds the model of a resolved config; for `trust`, see `experiment.load_stages`.

  Raises:
    UserError: if the config, the data or the devices do not fit.
  """
  backend = parallel.backend(config)
  source = data.training_set(config.data)
  stages = experiment.load_stages(config, workdir, trust)
  model = experiment.build_model(config, stages)
  resident = source.resident()
  resident = None if resident is None else parallel.replicate(resident, backend)
  step = parallel.data_parallel(model.update.apply, backend)
  return Setting(config, Path(workdir), source, model, stages, backend, resident, step)


def trace(setting: Setting) -> beginning.Beginning:
  """The state at step 0, on all devices, traced and not yet computed; the training step is traced with it.

  Raises:
    UserError: if the config, the data and the model do not fit.
    TypeError: as jax does, if shapes or types of the model do not fit.
    ValueError: likewise.
  """
  batch = beginning.first_batch(setting.source, setting.config)
  start = beginning.trace(setting.model, setting.config, batch, setting.backend)
  setting.step.check(start.shapes, _first_batches(setting), setting.resident)
  return start


def first_state(setting: Setting) -> State:
  """The state at step 0, on all devices."""
  batch = beginning.first_batch(setting.source, setting.config)
  return beginning.first_state(setting.model, setting.config, batch, setting.backend)


def begin(setting: Setting, start: beginning.Beginning) -> State:
  """The state at step 0, computed while the training step is compiled; a line says so.

  To trace a program keeps one processor busy, and to compile it not much more than one: with two programs at a time
  none is idle. Several hosts have to start what they run together in one order, and take one after the other.
  """
  if jax.process_count() > 1:
    with compiling('the first state', silent=jax.process_index() > 0):
      return start.compute()
  with compiling('the first state and the training step'), ThreadPoolExecutor(1) as other:
    state = other.submit(start.compute)
    setting.step.compile(start.shapes, _first_batches(setting), setting.resident)
    return state.result()


def dispatch_before(config: ConfigDict, step: int) -> Dispatch:
  """The one that ended at `step`, without its batches."""
  first = max(step - 1, 0) // config.steps_per_dispatch * config.steps_per_dispatch
  return Dispatch(first, step, None)


def dispatches(setting: Setting, start: int, stop: int) -> Iterator[Dispatch]:
  """The batches of the steps from `start` to `stop`, `steps_per_dispatch` at a time.

  Dispatches end at multiples of `steps_per_dispatch`, wherever a run starts, so that a resumed run goes through
  the same programs as an uninterrupted one.
  """
  size = setting.config.steps_per_dispatch
  stream = _streamed_batches if setting.resident is None else _index_batches
  stream = stream(setting, start, stop, jax.process_index(), jax.process_count())
  while start < stop:
    last = min((start // size + 1) * size, stop)
    batches = list(itertools.islice(stream, last - start))
    yield Dispatch(start, last, jax.tree.map(lambda *leaves: np.stack(leaves), *batches))
    start = last


def _first_batches(setting):
  return next(dispatches(setting, 0, setting.config.num_steps)).batches


def _streamed_batches(setting, start, stop, process, processes):
  config, size = setting.config, beginning.step_size(setting.config)
  return data.batches(setting.source, config.seed, start, stop, size, process, processes)


def _index_batches(setting, start, stop, process, processes):
  config, size = setting.config, beginning.step_size(setting.config)
  for step in range(start, stop):
    yield data.share(setting.source.indices(config.seed, step, size), size, process, processes)
