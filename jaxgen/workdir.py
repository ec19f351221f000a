"""A run's folder, which describes itself: config, versions, parameters, checkpoints, metrics and pictures.

config.json      the resolved config          parameters.txt   every array, its shape and its size
versions.json    what the run ran on          checkpoints/     see `jaxgen.checkpoint`
metrics.jsonl    one line per log interval    tensorboard/     the same as TensorBoard events
curves.png       the same as a picture        samples/         grids, reconstructions; samples.gif beside it
best.json        see `jaxgen.best`
"""

import contextlib
import fcntl
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import jax
from clu import parameter_overview
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import files
from jaxgen.errors import UserError

# A run may go on with other values of these sections and keys: none of them changes what a step computes.
_FREE_KEYS = (
  'evaluation',
  'num_steps',
  'max_minutes',
  'parallel',
  'keep_checkpoints',
  'num_samples',
  'log_every',
  'eval_every',
  'sample_every',
  'checkpoint_every',
)
_PACKAGES = ('jaxgen', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy')


@contextlib.contextmanager
def claim(workdir: Path, config: ConfigDict) -> Iterator[None]:
  """Makes `workdir` the folder of this run, alone, for as long as the context lasts.

  Raises:
    UserError: if it holds the run of another config, if another process trains there, or if it cannot be written.
  """
  workdir = Path(workdir)
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    lock = open(workdir / '.lock', 'w')  # noqa: SIM115
  except OSError as error:
    raise UserError(f'The workdir {workdir} cannot be written: {error.strerror}.') from None
  with lock:
    if jax.process_index() == 0:
      _lock(lock, workdir)
      check_same_run(workdir, config)
      files.write_text(workdir / 'config.json', configs.to_json(config))
      files.write_text(workdir / 'versions.json', json.dumps(versions(), indent=2) + '\n')
    yield


def load_config(workdir: Path) -> ConfigDict:
  """The config of the run in `workdir`.

  Raises:
    UserError: if there is none.
  """
  path = Path(workdir) / 'config.json'
  if not path.is_file():
    raise UserError(
      f'{workdir} holds no run; train one there first: --config=configs/<name>.py --workdir={workdir}.'
    )
  return configs.load(path)


def with_schedules(workdir: Path, config: ConfigDict) -> ConfigDict:
  """A config whose schedules end where those of the run in `workdir` do; of a new run, at `num_steps`."""
  begun = load_config(workdir) if (Path(workdir) / 'config.json').is_file() else None
  return configs.fix_schedules(config, begun)


def versions() -> dict[str, str]:
  """Versions of the packages that decide a number, and the device."""
  found = {name: importlib.metadata.version(name) for name in _PACKAGES}
  device = jax.devices()[0]
  return found | {
    'python': platform.python_version(),
    'device': f'{jax.device_count()} x {device.device_kind} ({device.platform})',
    'cpu_cores': str(os.cpu_count()),
  }


def write_parameters(workdir: Path, params) -> None:
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


def check_same_run(workdir: Path, config: ConfigDict) -> None:
  """Compares a resolved config with that of the run in `workdir`, where there is one.

  Raises:
    UserError: if they differ in what a training step computes.
  """
  workdir = Path(workdir)
  if not (workdir / 'config.json').is_file():
    return
  changed = configs.differences(load_config(workdir), config)
  changed = [line for line in changed if re.split('[.:]', line)[0] not in _FREE_KEYS]
  if changed:
    raise UserError(
      f'{workdir} holds a run of another config ({"; ".join(changed[:8])}); choose another --workdir, or give the same '
      'config to go on with that run.'
    )
