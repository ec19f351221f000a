"""A run's folder, which describes itself: config, versions, parameters, checkpoints, metrics and pictures.

config.json      the resolved config          parameters.txt   every array, its shape and its size
versions.json    what the run ran on          checkpoints/     see `jaxgen.runs.checkpoint`
metrics.jsonl    one line per log interval    tensorboard/     the same as TensorBoard events
curves.png       the same as a picture        samples/         grids, reconstructions; samples.gif beside it
best.json        see `jaxgen.runs.best`         data.json        see `jaxgen.runs.content`
changes.jsonl    optimizers that were changed after a failure
vocabulary.json  of a run on text, see `jaxgen.data.vocabulary`
columns.json     of a run on a table, see `jaxgen.data.tables.columns`
stages.json      see `jaxgen.runs.stages`      init_from.json   see `jaxgen.loop.init_from`
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
from clu import parameter_overview
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import files
from jaxgen.config_keys import Keys
from jaxgen.errors import UserError
from jaxgen.runs import content as contents
from jaxgen.runs import failure, history, writers
from jaxgen.runs.checkpoint_reader import Reader
from jaxgen.types import Params
from jaxgen.versions import versions

# A run may go on with other values of these sections and keys: none of them changes what a step computes.
_FREE_KEYS = (
  'evaluation',
  'sampler',
  'model.likelihood',
  'stages',  # where they are; what they are is remembered, see `jaxgen.runs.stages`
  'num_steps',
  'max_minutes',
  'parallel',
  'remat',
  'keep_checkpoints',
  'num_samples',
  'log_every',
  'eval_every',
  'sample_every',
  'checkpoint_every',
)


@contextlib.contextmanager
def claim(
  workdir: Path, config: ConfigDict, content: Mapping[str, Any], model_keys: Keys = MappingProxyType({})
) -> Iterator[None]:
  """Makes `workdir` the folder of this run, alone, for as long as the context lasts.

  Args:
    workdir: made where there is none.
    config: of the run, resolved.
    content: what tells its data apart, `{split: jaxgen.data.fingerprint(...)}`, and of text also
      `{'vocabulary': jaxgen.runs.content.of_vocabulary(...)}`.
    model_keys: see `check_same_run`.

  Raises:
    UserError: if it holds the run of another config or of other data, if another process trains there, if a link leads
      out of it, or if it cannot be written.
  """
  workdir = Path(workdir)
  check_links(workdir)
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    lock = open(workdir / '.lock', 'a')  # noqa: SIM115
  except OSError as error:
    raise UserError(f'The workdir {workdir} cannot be written: {error.strerror}.') from None
  with lock:
    if jax.process_index() == 0:
      _lock(lock, workdir)
      check_same_run(workdir, config, model_keys)
      contents.check_same(workdir, content)
      _note_changes(workdir, config, model_keys)
      files.write_text(workdir / 'config.json', configs.to_json(config))
      contents.write(workdir, content)
      files.write_text(workdir / 'versions.json', json.dumps(versions(), indent=2) + '\n')
    yield


def check_links(workdir: Path) -> None:
  """Sees to it that whatever is written below `workdir` stays there.

  Raises:
    UserError: if a symbolic link in it leads out of it. That the folder itself is one does no harm.
  """
  home = Path(workdir).resolve()
  for place, folders, names in os.walk(home):
    for path in (Path(place, name) for name in folders + names):
      if path.is_symlink() and not path.resolve().is_relative_to(home):
        raise UserError(
          f"{path} is a symbolic link out of the run's folder, to {path.resolve()}, where nothing of the run is "
          'written; remove it.'
        )


def load_config(workdir: Path) -> ConfigDict:
  """The config of the run in `workdir`.

  Raises:
    UserError: if there is none, or it cannot be read.
  """
  path = Path(workdir) / 'config.json'
  if not path.exists():
    raise UserError(
      f'{workdir} holds no run; train one there first: --config=configs/<name>.py --workdir={workdir}.'
    )
  try:
    config = history.load(path)
    complete = 'name' in config.data and 'x' in config.data.fields and config.module
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}.') from None
  except (ValueError, TypeError, AttributeError, KeyError):  # no JSON, or none of a config
    config, complete = None, False
  if config is None or not complete:
    raise UserError(
      f'{path} is damaged; put back a copy of it, or remove it and give --config as the run was started with.'
    )
  return config


def check_module(workdir: Path, config: ConfigDict) -> None:
  """Sees to it that a config that was found in a folder names a module of jaxgen: importing another one runs it.

  Raises:
    UserError: if it names another one.
  """
  if not config.module.startswith('jaxgen.models.'):
    raise UserError(
      f'The run in {workdir} names the module "{config.module}", which is none of jaxgen.models. The folder of a run '
      'is data, and importing what it names would make a program of it: give --trust if you know where it is from, '
      'or --config=<file> as the run was started with.'
    )


def with_schedules(workdir: Path, config: ConfigDict) -> ConfigDict:
  """A config whose schedules end where those of the run in `workdir` do; of a new run, at `num_steps`."""
  return configs.fix_schedules(config, begun(workdir))


def write_parameters(workdir: Path, params: Params) -> None:
  """Writes the table of parameters: name, shape, dtype, size."""
  table = parameter_overview.get_parameter_overview(params, include_stats=False)
  files.write_text(Path(workdir) / 'parameters.txt', table + '\n')


def _lock(lock, workdir):
  try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    raise UserError(
      f'Another process is training in {workdir}; wait for it or choose another --workdir.'
    ) from None


def check_same_run(workdir: Path, config: ConfigDict, model_keys: Keys = MappingProxyType({})) -> None:
  """Compares a resolved config with that of the run in `workdir`, where one has begun.

  Args:
    workdir: of the run.
    config: with which it would go on.
    model_keys: of its module, by which a run that is older than some of them is known.

  Raises:
    UserError: if they differ in what a training step computes.
  """
  changed = binding(_changes(workdir, config, model_keys))
  if failure.read(workdir) is not None:
    changed = [line for line in changed if not _is_of_optimizer(line)]
  if changed:
    raise UserError(
      f'{workdir} holds a run of another config ({"; ".join(changed[:8])}); choose another --workdir, or give the same '
      'config to go on with that run.'
    )


def binding(differences: Iterable[str]) -> list[str]:
  """Those of `jaxgen.config.differences` that change what a training step computes."""
  return [line for line in differences if not _is_of(line, _FREE_KEYS)]


def begun(workdir: Path) -> ConfigDict | None:
  """The config of the run in `workdir`; None where there is none, or one that has made no step and binds nobody."""
  workdir = Path(workdir)
  rows, checkpoints = workdir / 'metrics.jsonl', Reader(workdir / 'checkpoints')
  has_begun = checkpoints.steps() or (rows.is_file() and rows.stat().st_size)
  return load_config(workdir) if has_begun and (workdir / 'config.json').exists() else None


def _changes(workdir, config, model_keys):
  """One phrase for each key that differs from the run in `workdir`."""
  before = begun(workdir)
  if before is None:
    return []
  return configs.differences(*(configs.completed(each, model_keys) for each in (before, config)))


def _is_of(line, keys):
  changed = line.partition(':')[0]
  return any(changed == key or changed.startswith(f'{key}.') for key in keys)


def _is_of_optimizer(line):
  return re.split('[.:]', line)[0].endswith('optimizer')


def _note_changes(workdir, config, model_keys):
  """Writes down which optimizers go on where others failed; what those wrote after that step is set aside."""
  note = failure.read(workdir)
  changes = [line for line in _changes(workdir, config, model_keys) if _is_of_optimizer(line)]
  if note is None or not changes:
    return
  with open(workdir / 'changes.jsonl', 'a') as file:
    file.write(json.dumps({'step': note.step, 'reason': note.reason, 'changes': changes}) + '\n')
  writers.set_aside(workdir, note.step)
