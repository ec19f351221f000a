"""The experiments in `configs/`, found by glob, for the contracts that hold for all of them."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

from jaxgen import train, uses
from tests.conftest import ROOT

CONFIGS = sorted(path.stem for path in (ROOT / 'configs').glob('*.py'))


def load_module(name):
  spec = importlib.util.spec_from_file_location(name, ROOT / 'configs' / f'{name}.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def smoke(name):
  config = load_module(name).get_config('smoke')
  if config.data.name.startswith('tfds:') and not os.environ.get('TFDS_DATA_DIR'):
    pytest.skip(f'{config.data.name} needs TFDS_DATA_DIR')
  return config


def prepared(name, home):
  """`smoke(name)`, once the runs that it is built on are trained where the config expects them, below `home`.

  They are in `runs/<name of their config>`, and data that are codes where the use of that name leaves them, of the test
  split.
  """
  config = smoke(name)
  for stage, folder in config.stages.items():
    below = prepared(Path(folder).name, home)
    below.update(dict(eval_every=0, sample_every=0))  # its own contract sees to these
    train.train(below, home / folder)
    config.stages[stage] = str(home / folder)
  kind, _, path = config.data.name.partition(':')
  if kind == 'npz' and path.startswith('runs/'):
    folder, level = re.fullmatch(r'(runs/\w+)/sampled/codes_train(\w*)\.npz', path).groups()
    codes = home / folder / 'sampled' / f'codes_test{level}.npz'  # there are fewer of them
    if not codes.exists():
      uses.use(home / folder, options=uses.Options(use=('codes',), split='test'))
    config.data.name = f'npz:{codes}'
  return config


def family(name):
  """The room of its model: `jaxgen.models.flow.glow` is a flow."""
  return load_module(name).get_config().module.split('.')[2]


def one_per_family():
  """The quickest first: of no other runs, and of few and small data, on which what a family does depends little."""
  return _first_of_each(family)


def one_per_module():
  """Likewise."""
  return _first_of_each(lambda name: load_module(name).get_config().module)


def _first_of_each(group):
  def effort(name):
    stages = len(load_module(name).get_config().stages)
    return stages, 'toy' not in name, 'digits' not in name, len(name), name

  first = {}
  for name in sorted(CONFIGS, key=effort):
    first.setdefault(group(name), name)
  return sorted(first.values())
