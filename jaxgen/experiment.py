"""From a config to the things that training, evaluation, sampling and planning all start from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from jaxgen import beginning, computing, data, keys, models, parallel, updates
from jaxgen import config as configs
from jaxgen.config_keys import Keys, StageKey
from jaxgen.data import fit
from jaxgen.data import vocabulary as vocabularies
from jaxgen.data.tables import columns
from jaxgen.errors import UserError
from jaxgen.runs import best, content, failure
from jaxgen.runs import stages as run_stages
from jaxgen.runs import workdir as workdirs
from jaxgen.runs.checkpoint_reader import Reader
from jaxgen.types import Extra, GenerativeModel, Params, Stage, State


class Weights(NamedTuple):
  """Parameters, and the rest of a state that belongs to them."""

  params: Params
  extra: Extra


class Trained(NamedTuple):
  """A run's newest checkpoint, ready to be used."""

  config: ConfigDict
  model: GenerativeModel
  state: State
  stages: Mapping[str, Stage] = MappingProxyType({})

  def weights(self) -> dict[str, Weights]:
    """See the function of this name."""
    return weights(self.model, self.state, self.config.seed)


def weights(model: GenerativeModel, state: State, seed: int = 0) -> dict[str, Weights]:
  """The trained weights and, where the update keeps one, their average: `{'raw': ..., 'averaged': ...}`.

  Batch statistics in `state.extra` are those of the raw weights; for the average `standing` gives its own.
  """
  raw = Weights(state.params, state.extra)
  average = updates.averaged_params(state)
  if average is state.params:
    return {'raw': raw}
  extra = state.extra
  if model.standing:
    extra = jax.jit(model.standing)(average, extra, keys.of(seed, 'standing_statistics'))
  return {'raw': raw, 'averaged': Weights(average, extra)}


def build_model(config: ConfigDict, stages: Mapping[str, Stage] | None = None) -> GenerativeModel:
  """What `build` of the module `config.module` makes of the config, and of the stages where it has some.

  Args:
    config: with `config.data` resolved.
    stages: as `load_stages` gives them; by default they are loaded.

  Raises:
    UserError: if there is no such module, it has no `build`, `config.model` does not hold what its `KEYS` say,
      `config.given` names what is no field of the data, was removed from them or tells how long an example is, a mask
      does not fit x, the data are a table or have gaps and the module does not declare by `GAPS = True` that it takes
      them, or a stage does not fit.
  """
  module = models.find(config.module)
  config = checked(config)
  fit.check_conditions(config)
  fit.check_gaps(config, knows_gaps=getattr(module, 'GAPS', False))
  stages = load_stages(config) if stages is None else stages
  model = module.build(config, stages) if hasattr(module, 'STAGES') else module.build(config)
  model = model._replace(update=updates.accumulated(config.accumulate, model.update))
  return computing.computed(model, config.dtype, config.remat)


def completed(config: ConfigDict) -> ConfigDict:
  """What `jaxgen.config.completed` makes of a config by what its module states.

  Raises:
    UserError: if there is no such module.
  """
  module = models.find(config.module)
  return configs.completed(config, *(getattr(module, table, {}) for table in ('KEYS', 'SAMPLER', 'STAGES')))


def checked(config: ConfigDict) -> ConfigDict:
  """The same, held against what its module states: all that can be told before the data are read.

  Raises:
    UserError: if there is no such module, or `config.model` or `config.sampler` does not hold what it states.
  """
  config, module = completed(config), models.find(config.module)
  if hasattr(module, 'KEYS'):  # a module of the user's own may state none
    configs.check_model(config, module.KEYS, getattr(module, 'SAMPLER', {}))
  return config


# The settings of `config.sampler` that are not called as the knobs that turn them.
_TURNED = {'steps': 'num_steps'}


def lasting(config: ConfigDict) -> ConfigDict:
  """The config as its run remembers it: without optional stages, which are of the command that names them alone."""
  declared: Mapping[str, StageKey] = getattr(models.find(config.module), 'STAGES', {})
  config = config.copy_and_resolve_references()
  with config.unlocked():
    config.stages.update({name: '' for name, key in declared.items() if key.optional})
  return config


def sampler_of(
  trained: Trained, completes: bool = False, knobs: Mapping[str, float] = MappingProxyType({})
) -> dict[str, Any]:
  """What draws the samples of a run, or its completions: the name of the sampler, its settings, what all samplers have,
  and the weights of optional stages; of a model that leaves no choice, nothing. Settings that knobs turn are as these
  say."""
  config = trained.config
  if 'sampler' not in config:
    return {}
  sampler, remembered = config.sampler.to_dict(), lasting(config).stages
  guides = {
    name: f'{stage.sha256[:8]} of step {stage.step}'
    for name, stage in trained.stages.items()
    if not remembered.get(name)
  }
  shared = {name: value for name, value in sampler.items() if not isinstance(value, dict)}
  if completes:
    how = sampler['completion']
    shared |= {'name': how['sampler'], **{name: value for name, value in how.items() if name != 'sampler'}}
  settings = {'name': shared['name'], **shared, **sampler[shared['name']]}
  turned = {_TURNED.get(knob, knob): value for knob, value in knobs.items()}
  return {name: turned.get(name, value) for name, value in settings.items()} | guides


def model_keys(config: ConfigDict) -> Keys:
  """What its module says of the keys of `config.model`; a module of the user's own may say nothing."""
  return getattr(models.find(config.module), 'KEYS', {})


def load(
  workdir: Path,
  config: ConfigDict | None = None,
  step: str | int = 'newest',
  trust: bool = False,
  above: tuple[Path, ...] = (),
) -> Trained:
  """A checkpoint of the run in `workdir`. Neither the data set nor the devices it trained on are needed.

  Args:
    workdir: of the run.
    config: where given, it must be that of the run in all that a training step computes.
    step: of the checkpoint: 'newest', 'best' (by validation, see `jaxgen.runs.best`) or a number.
    trust: whether the folder of the run, or of a stage of it, may name a module that is none of jaxgen's.
    above: the folders of runs that are built on this one.

  Raises:
    UserError: if there is no run, no such or no whole checkpoint, the run is of another config, or of a module that is
      none of jaxgen's while no config is given, or a stage of it does not fit.
  """
  stored = workdirs.load_config(workdir)
  configs.check(stored)
  if config is None:
    if not trust:
      workdirs.check_module(workdir, stored)
  else:
    configs.check(config)
    given = completed(config).copy_and_resolve_references()
    with given.unlocked():
      given.data = ConfigDict({**stored.data, **given.data})  # what the run has read off its data
    stored = workdirs.with_schedules(workdir, given)
    workdirs.check_same_run(workdir, stored, model_keys(stored))
  stored = completed(stored)
  stages = load_stages(stored, workdir, trust, above)
  model = build_model(stored, stages)
  restored = _restored(workdir, stored, stages, step, model.selected_by)
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
  return Trained(stored, model, restored[0], stages)


def check_same_table(workdir: Path, split: str, source: data.Source) -> None:
  """Sees to it that a run's table is what it was: rows are standardized by those of the training split, and a model
  knows no other units. Likewise of text that its vocabulary is: tokens are places in it. Of other data nothing is
  checked.

  Args:
    workdir: of the run.
    split: which one the source is.
    source: as it is read now.

  Raises:
    UserError: if the columns, or the tokens, are no longer those of the run, or the rows that it has seen are others.
  """
  vocabulary = source.vocabulary
  known = None if vocabulary is None else vocabularies.read(workdir)
  if vocabulary is not None and known is not None and known != vocabulary:
    raise UserError(
      f'The vocabulary of {source.name} is not that of the run in {workdir}: {vocabulary.size:,} '
      f'{vocabulary.kind}, and there {known.size:,} {known.kind}; put the text back that it was trained on, or '
      'choose another --workdir and train on this one.'
    )
  if source.columns is not None:
    columns.check_same(workdir, source.columns, source.name)
    content.check_same(workdir, {split: data.fingerprint(source)})


def _restored(workdir, config, stages, step, selected_by):
  chosen = best.chosen_step(workdir, step, selected_by)
  try:
    return Reader(Path(workdir) / 'checkpoints').restore(_at_rest(config, stages), chosen)
  except UserError:
    if best.chosen_step(workdir, step, selected_by) == chosen:
      raise
  return _restored(
    workdir, config, stages, step, selected_by
  )  # a run that goes on has found a better one, and removed it


def _at_rest(config, stages):
  """Shapes for a run that nobody trains: in parts where it was trained so and there are devices, else whole."""
  backend, of = 'fsdp' if config.parallel == 'fsdp' else 'jit', saved_shapes(config, stages)
  return of if backend == 'jit' else lambda notes: parallel.shapes(of(notes), backend)


def load_stages(
  config: ConfigDict, workdir: Path | None = None, trust: bool = False, above: tuple[Path, ...] = ()
) -> dict[str, Stage]:
  """The runs that `config.stages` names, for the `STAGES` that the module `config.module` declares.

  A run that begins takes the best checkpoint of each, or the newest of one that knows no best, and remembers which; it
  goes on with the same, wherever the option says that they are now. Of an optional stage that is named, it is the best
  by now, or the newest.

  Args:
    config: of the run that is built on them, resolved.
    workdir: of that run.
    trust: whether a stage may be of a module that is none of jaxgen's: importing one runs it.
    above: the folders of runs that are built on this one.

  Raises:
    UserError: if one is missing, has changed, cannot do what it is needed for, is built on itself, or is of such a
      module, or if the data are codes of none of them.
  """
  declared: Mapping[str, StageKey] = getattr(models.find(config.module), 'STAGES', {})
  configs.check_stages(config, declared)
  declared = {name: key for name, key in declared.items() if config.stages.get(name)}
  lasting = [name for name, key in declared.items() if not key.optional]
  notes: Mapping[str, run_stages.Note] = {}
  if lasting and workdir is not None and workdirs.begun(workdir) is not None:
    notes = run_stages.read(workdir, lasting)
  above = above if workdir is None else (*above, Path(workdir).resolve())
  stages = {}
  for name, key in declared.items():
    stages[name] = _stage(name, key, Path(config.stages[name]), notes.get(name), trust, above)
  for name, note in notes.items():
    run_stages.check_same(workdir, name, stages[name], note)
  run_stages.check_codes(config, stages)
  return stages


def _stage(name, key, path, note, trust, above):
  option = f'config.stages.{name}={path}'
  if path.resolve() in above:
    raise UserError(f'{option} is built on this run itself; give the folder of another one.')
  if not (path / 'config.json').exists():
    # Stages have stages: the run that lacks one need not be the run that was asked for.
    owner = f'--workdir={above[-1]} ' if above else ''
    raise UserError(
      f'{option} holds no run; give {owner}--config.stages.{name}=<folder> of {key.meaning}, and train that first.'
    )
  step = note.step if note else 'best' if best.read(path) else 'newest'
  try:
    trained = load(path, step=step, trust=trust, above=above)
  except UserError as error:
    raise UserError(f'{option} cannot be used: {error}') from None
  missing = [ability for ability in key.needs if getattr(trained.model, ability) is None]
  if missing:
    raise UserError(
      f'{option} is a run of {trained.config.module}, which cannot {" nor ".join(missing)}; the stage {name} is '
      f'{key.meaning}.'
    )
  weights, sha256 = list(trained.weights().values())[-1], checksum(trained)
  return Stage(str(path), trained.config, trained.model, *weights, int(trained.state.step), sha256)


def checksum(trained: Trained, weights: str = 'averaged') -> str:
  """What tells the weights of a checkpoint apart: a `Stage` and codes are known by it.

  Args:
    trained: the checkpoint.
    weights: 'averaged', which stages are of, or 'raw', which have another sum where the run keeps an average.
  """
  state, average = trained.state, updates.averaged_params(trained.state)
  raw = weights == 'raw' and average is not state.params
  return run_stages.checksum((state.params, state.extra) if raw else (state.params, state.extra, average))


def optimizers(config: ConfigDict) -> dict[str, Any]:
  """What a checkpoint notes as 'optimizers': after a failure they may change, and what each keeps is known by it."""
  return {name: config[name].to_dict() for name in configs.optimizers(config)}


def saved_shapes(config: ConfigDict, stages: Mapping[str, Stage]) -> Callable[[Mapping[str, Any]], State]:
  """A function from the notes of a checkpoint to its shapes, for a run of `config`."""

  def shapes(notes):
    saved = config.copy_and_resolve_references()
    with saved.unlocked():
      saved.update(notes.get('optimizers', {}))  # an older checkpoint does not say
    return beginning.first_shapes(build_model(saved, stages), saved)

  return shapes
