"""Config files, found and run (of the user, or one of those that come with jaxgen), and what is set in them."""

import ast
import difflib
import inspect
import traceback
from collections.abc import Sequence
from importlib import machinery, util
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgen.errors import UserError

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / 'configs', _HERE.parent / 'configs')  # of an installed jaxgen, of a checkout


def names() -> list[str]:
  """The configs that come with jaxgen: `['gan_cifar', 'gan_digits', ...]`."""
  return sorted(_shipped())


def find(name: str) -> Path:
  """The file that `--config=` names.

  Args:
    name: a path, `configs/glow_digits.py`, or the name of a config that comes with jaxgen, `glow_digits`. Where no
      file `configs/glow_digits.py` lies below the current folder, that is the name of one as well.

  Raises:
    UserError: if there is neither.
  """
  path = Path(name)
  if path.is_file():
    return path
  shipped = _shipped()
  if path.parent in (Path(), Path('configs')) and path.suffix in ('', '.py') and path.stem in shipped:
    return shipped[path.stem]
  near = difflib.get_close_matches(path.stem, sorted(shipped), n=1, cutoff=0.4)
  hint = f'did you mean {near[0]}?' if near else f'name a file that exists, or one of {", ".join(names())}.'
  raise UserError(f'There is no config file {name}; {hint}')


def load(value: str) -> ConfigDict:
  """The config that `--config=<file>` or `--config=<file>:<preset>` names: what `get_config` of that file gives.

  Raises:
    UserError: if there is no such file, or it gives no config; a config file is code, and may fail in any way.
  """
  name, _, preset = value.partition(':')
  path = find(name)
  try:
    config = _get_config(path)(*([preset] if preset else []))
  except UserError:
    raise
  except (Exception, SystemExit) as error:
    raise UserError(f'The config file {path} fails{_place(error, path)}: {_words(error)}') from None
  if not isinstance(config, ConfigDict):
    raise UserError(f'get_config() in {path} gives {type(config).__name__}, and should give a ConfigDict.')
  return config


def _get_config(path):
  loader = machinery.SourceFileLoader(path.stem, str(path))
  spec = util.spec_from_loader(path.stem, loader)
  assert spec is not None  # the loader of a source file always knows how to load it
  module = util.module_from_spec(spec)
  loader.exec_module(module)
  get_config = getattr(module, 'get_config', None)
  if not callable(get_config):
    raise UserError(f'{path} has no function get_config(); define one that returns the config.')

  def call(*preset):
    if preset and not inspect.signature(get_config).parameters:
      raise UserError(
        f'{path} has no presets: its get_config() takes no argument; leave ":{preset[0]}" away.'
      )
    return get_config(*preset)

  return call


def _place(error, path):
  """Where in the file an exception passed last: ' in line 3'."""
  lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
  return f' in line {lines[-1]}' if lines else ''


def _words(error):
  # what a locked ConfigDict says goes on with all that it holds
  text = ' '.join(str(error).split()).partition(' Other fields present:')[0]
  return f'{type(error).__name__}: {text}' if text else type(error).__name__


def _shipped():
  return {path.stem: path for folder in _FOLDERS for path in folder.glob('*.py')}


def check_arguments(argv: Sequence[str], config: ConfigDict) -> None:
  """Looks at what a command line sets in a config, `--config.<key>=<value>`.

  Raises:
    UserError: for a key that the config does not have, or a tuple of texts that has lost its quotes to the shell.
  """
  _check_names(argv, config)
  _check_quotes(argv, config)


def value_at(config: ConfigDict, path: str) -> Any:
  """What a config holds at 'optimizer.learning_rate'.

  Raises:
    UserError: if it has no such key, with one that may have been meant.
  """
  for name in path.split('.'):
    if not isinstance(config, ConfigDict) or name not in config:
      near = difflib.get_close_matches(name, config if isinstance(config, ConfigDict) else (), n=1)
      raise UserError(f'The config has no key "{name}"' + (f'; did you mean "{near[0]}"?' if near else '.'))
    config = config[name]
  return config


def _check_names(argv, config):
  """Raises a `UserError` for a key that is set and that the config does not have."""
  for argument in argv[1:]:
    name = argument.partition('=')[0].lstrip('-')
    if argument.startswith('-') and name.startswith('config.'):
      value_at(config, name.removeprefix('config.'))


def _check_quotes(argv, config):
  """Raises a `UserError` for a tuple of texts that has lost its quotes to the shell: it would pass for one text."""
  for argument in argv[1:]:
    name, _, given = argument.partition('=')
    words = tuple(filter(None, (word.strip('()[]\'" ') for word in given.split(','))))
    if not name.lstrip('-').startswith('config.') or words in ((), (given,)) or _is_literal(given):
      continue
    value = value_at(config, name.lstrip('-').removeprefix('config.'))
    if isinstance(value, tuple) and not any(isinstance(entry, (int, float)) for entry in value):
      raise UserError(
        f'{argument} is no tuple, since a shell takes quotes away; write "{name}={words}", with both kinds.'
      )


def _is_literal(text):
  try:
    ast.literal_eval(text)
  except (ValueError, SyntaxError):
    return False
  return True
