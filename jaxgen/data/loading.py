"""From `config.data` to a source."""

import difflib
from pathlib import Path

from ml_collections import ConfigDict

from jaxgen.data import digits, folder, npz, tfds, toy
from jaxgen.data.source import Source
from jaxgen.errors import UserError

# Each `load(name, image_size, split) -> Source`, where `name` is what follows the colon.
_KINDS = {'digits': digits.load, 'tfds': tfds.load, 'folder': folder.load, 'npz': npz.load, 'toy': toy.load}
_FORMS = 'digits, tfds:<name>, folder:<path>, npz:<path>, toy:<name>'


def load(config: ConfigDict, split: str) -> Source:
  """One split of the data set that `config.data` names.

  Args:
    config: `config.data`: its `name` is one of the forms above, `image_size` resizes images (0: as they are).
    split: 'train' or 'test'.

  Raises:
    UserError: if there is no such data set, or it cannot be read.
    ValueError: if there is no such split.
  """
  if split not in ('train', 'test'):
    raise ValueError(f"split is 'train' or 'test', not {split!r}")
  kind, colon, name = config.name.partition(':')
  if kind not in _KINDS or bool(colon) == (kind == 'digits') or bool(name) != bool(colon):
    raise UserError(
      f'There is no data set "{config.name}"{_hint(config.name)}; --config.data.name is one of {_FORMS}.'
    )
  if config.image_size < 0:
    raise UserError(f'--config.data.image_size={config.image_size} is negative; 0 leaves images as they are.')
  source = _KINDS[kind](name, config.image_size, split)
  if not len(source):
    raise UserError(f'The split "{split}" of {config.name} is empty; give it more examples.')
  return source


def resolve(config: ConfigDict) -> ConfigDict:
  """A copy of the whole config in which `config.data` states the data's shape, levels and classes.

  Raises:
    UserError: if the data set cannot be read.
  """
  spec = load(config.data, 'train').spec
  config = config.copy_and_resolve_references()
  with config.unlocked():
    config.data.update({'shape': tuple(spec.shape), 'levels': spec.levels, 'classes': spec.classes})
  return config


def _hint(name):
  """What may have been meant: a misspelt kind, or a name whose kind is missing."""
  kind, colon, rest = name.partition(':')
  near = difflib.get_close_matches(kind.lower(), _KINDS if colon else ['digits'], n=1)
  if kind in _KINDS or (colon and not near):
    return ''
  guess = near[0] + colon + rest if near else _guess(name)
  return f' (did you mean "{guess}"?)'


def _guess(name):
  if name in toy.DENSITIES:
    return f'toy:{name}'
  if name.endswith('.npz'):
    return f'npz:{name}'
  return f'folder:{name}' if Path(name).is_dir() else f'tfds:{name}'
