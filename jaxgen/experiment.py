"""From a config to the things that training, evaluation, sampling and planning all start from."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import data, keys, models, updates
from jaxgen.errors import UserError
from jaxgen.parallel import initial_state
from jaxgen.programs import once
from jaxgen.runs import best, failure
from jaxgen.runs import workdir as workdirs
from jaxgen.runs.checkpoint_reader import Reader
from jaxgen.types import DataSpec, Extra, GenerativeModel, Params, State


class Weights(NamedTuple):
  """Parameters, and the rest of a state that belongs to them."""

  params: Params
  extra: Extra


class Beginning(NamedTuple):
  """The state at step 0 before it is computed: its shapes, `jax.ShapeDtypeStruct`s, and what computes it."""

  shapes: State
  compute: Callable[[], State]


class Trained(NamedTuple):
  """A run's newest checkpoint, ready to be used."""

  config: ConfigDict
  model: GenerativeModel
  state: State

  def weights(self) -> dict[str, Weights]:
    """See the function of this name."""
    return weights(self.model, self.state, self.config.seed)


def weights(model: GenerativeModel, state: State, seed: int = 0) -> dict[str, Weights]:
  """The trained weights and, where the update keeps one, their average: `{'raw': ..., 'averaged': ...}`.

  Batch statistics in `state.extra` are those of the raw weights; for the average they are taken anew.
  """
  raw = Weights(state.params, state.extra)
  average = updates.averaged_params(state)
  if average is state.params:
    return {'raw': raw}
  extra = state.extra
  if model.standing:
    extra = jax.jit(model.standing)(average, extra, keys.of(seed, 'standing_statistics'))
  return {'raw': raw, 'averaged': Weights(average, extra)}


def build_model(config: ConfigDict) -> GenerativeModel:
  """What `build(config)` of the module `config.module` makes; `config.data` is resolved.

  Raises:
    UserError: if there is no such module, it has no `build`, or `config.model` does not hold what its `KEYS` say.
  """
  try:
    module = importlib.import_module(config.module)
  except ModuleNotFoundError as error:
    if error.name and not config.module.startswith(error.name):
      raise UserError(
        f'config.module names "{config.module}", which imports {error.name}, and that is not installed.'
      ) from error
    names = [f'jaxgen.models.{info.name}' for info in pkgutil.iter_modules(models.__path__)]
    near = difflib.get_close_matches(config.module, names, n=1)
    hint = f'did you mean {near[0]}?' if near else f'there are: {", ".join(names)}.'
    raise UserError(f'config.module names "{config.module}", which cannot be imported; {hint}') from None
  except Exception as error:  # a module of the user's own may fail in any way, and a name may be none
    reason = f'{type(error).__name__}: {" ".join(str(error).split())}'
    raise UserError(
      f'config.module names "{config.module}", which fails when it is imported: {reason}'
    ) from error
  if not hasattr(module, 'build'):
    raise UserError(
      f'{config.module} has no function build(config); config.module must name a module that has one.'
    )
  if hasattr(module, 'KEYS'):  # a module of the user's own may state none
    configs.check_model(config, module.KEYS)
  return module.build(config)


def spec(config: ConfigDict) -> DataSpec:
  """What a resolved config knows of its data."""
  return DataSpec(tuple(config.data.shape), config.data.levels, config.data.classes)


def first_state(model: GenerativeModel, config: ConfigDict, batch: Mapping[str, Any]) -> State:
  """The state at step 0: a function of the seed and of the first batch alone."""
  return beginning(model, config, batch).compute()


def beginning(model: GenerativeModel, config: ConfigDict, batch: Mapping[str, Any]) -> Beginning:
  """The state at step 0, traced: what does not fit together is found, and nothing is compiled."""
  program, arguments = once(_start(model)), (*_start_keys(config), batch)
  return Beginning(jax.eval_shape(program, *arguments), lambda: program(*arguments))


def first_shapes(model: GenerativeModel, config: ConfigDict) -> State:
  """The shapes of the state at step 0, `jax.ShapeDtypeStruct`s: no data are read, nothing is computed."""
  batch = data.blank(spec(config), config.batch_size)
  return jax.eval_shape(_start(model), *_start_keys(config), batch)


def _start(model):
  def start(init_rng, run_rng, batch):
    params, extra = model.init(init_rng, batch)
    return initial_state(params, extra, model.update.init(params), run_rng)

  return start


def _start_keys(config):
  return keys.of(config.seed, 'init'), keys.of(config.seed, 'training')


def first_batch(source: data.Source, config: ConfigDict) -> dict[str, np.ndarray]:
  """The whole batch of step 0, over all hosts, so that all of them initialize alike."""
  return source.examples(data.batch_indices(config.seed, 0, len(source), config.batch_size))


def load(workdir: Path, config: ConfigDict | None = None, step: str | int = 'newest') -> Trained:
  """A checkpoint of the run in `workdir`. Neither the data set nor the devices it trained on are needed.

  Args:
    workdir: of the run.
    config: where given, it must be that of the run in all that a training step computes.
    step: of the checkpoint: 'newest', 'best' (by validation, see `jaxgen.runs.best`) or a number.

  Raises:
    UserError: if there is no run, no such or no whole checkpoint, the run is of another config, or of a module that is
      none of jaxgen's while no config is given.
  """
  stored = workdirs.load_config(workdir)
  configs.check(stored)
  if config is None:
    workdirs.check_module(workdir, stored)
  else:
    configs.check(config)
    given = config.copy_and_resolve_references()
    with given.unlocked():
      given.data = ConfigDict({**stored.data, **given.data})  # what the run has read off its data
    stored = workdirs.with_schedules(workdir, given)
    workdirs.check_same_run(workdir, stored)
  model = build_model(stored)
  restored = _restored(workdir, stored, step, model.selected_by)
  if restored is None:
    note = failure.read(workdir)
    if note is not None:
      raise UserError(
        f'{workdir} has no good checkpoint: {note.reason} when it was trained; train it again {failure.REMEDY}: '
        f'python -m jaxgen.main --workdir={workdir}.'
      )
    raise UserError(
      f'{workdir} has no checkpoint yet; train first: python -m jaxgen.main --workdir={workdir}.'
    )
  return Trained(stored, model, restored[0])


def _restored(workdir, config, step, selected_by):
  chosen = best.chosen_step(workdir, step, selected_by)
  try:
    return Reader(Path(workdir) / 'checkpoints').restore(saved_shapes(config), chosen)
  except UserError:
    if best.chosen_step(workdir, step, selected_by) == chosen:
      raise
  return _restored(
    workdir, config, step, selected_by
  )  # a run that goes on has found a better one, and removed it


def optimizers(config: ConfigDict) -> dict[str, Any]:
  """What a checkpoint notes as 'optimizers': after a failure they may change, and what each keeps is known by it."""
  return {name: config[name].to_dict() for name in configs.optimizers(config)}


def saved_shapes(config: ConfigDict) -> Callable[[Mapping[str, Any]], State]:
  """A function from the notes of a checkpoint to its shapes, for a run of `config`."""

  def shapes(notes):
    saved = config.copy_and_resolve_references()
    with saved.unlocked():
      saved.update(notes.get('optimizers', {}))  # an older checkpoint does not say
    return first_shapes(build_model(saved), saved)

  return shapes
