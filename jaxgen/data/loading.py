"""From `config.data` to a source."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.data import digits, folder, npz, pairs, splits, text, tfds
from jaxgen.data.audio import audio
from jaxgen.data.densities import markov, synthetic, toy
from jaxgen.data.densities.density import Density
from jaxgen.data.source import Source
from jaxgen.data.tables import table
from jaxgen.data.tables.columns import Columns
from jaxgen.data.transformations import binarized, twins
from jaxgen.errors import UserError
from jaxgen.types import DataSpec


class _Kind(NamedTuple):
  """Where data come from; `name` is what follows the colon.

  Attributes:
    load: `(config.data, name, split) -> Source`.
    has_validation: `name -> bool`, whether the set brings a validation split of its own.
    density: `name -> Density`, what the examples are drawn from; None where nobody knows.
  """

  load: Callable[[ConfigDict, str, str], Source]
  has_validation: Callable[[str], bool] = lambda name: False
  density: Callable[[str], Density] | None = None


_KINDS = {
  'digits': _Kind(digits.load),
  'tfds': _Kind(tfds.load, tfds.has_validation),
  'folder': _Kind(folder.load),
  'npz': _Kind(npz.load),
  'pairs': _Kind(pairs.load_pairs),
  'domains': _Kind(pairs.load_domains),
  'text': _Kind(text.load, lambda name: True),
  'table': _Kind(table.load, lambda name: True),
  'toy': _Kind(toy.load, lambda name: True, toy.DENSITIES.__getitem__),
  'synthetic': _Kind(synthetic.load, lambda name: True, synthetic.density),
  'markov': _Kind(markov.load, lambda name: True),
  'audio': _Kind(audio.load, lambda name: True),
}
_FORMS = (
  'digits, tfds:<name>, folder:<path>, npz:<path>, pairs:<folder>, domains:<folder>, text:<path>, text:stdlib, '
  'table:<path>.csv, table:<name>, toy:<name>, synthetic:<name>, markov:<states>, audio:<folder>, audio:strings'
)


def training_set(config: ConfigDict) -> Source:
  """What a model is trained on: `load(config, 'train')`, or each of its images by `binarized_draws` draws. What is
  measured, and used as an example, is of one draw.

  Raises:
    UserError: see `load`.
  """
  return _loaded(config, 'train', anew=config.binarized_draws > 1)


def load(config: ConfigDict, split: str) -> Source:
  """One split of the data set that `config.data` names.

  The validation split is held out of the training set by the rule of `jaxgen.data.splits`, unless the set brings one
  of its own. `binarized` draws the pixels of images, of two levels, once and for all. Classes that training is to
  be `without` are left out of both; `twin` adds the field y.

  Args:
    config: `config.data`, see `jaxgen.config_keys.DATA`: its `name` is one of the forms above, `validation` is the
      share of the training set that is held out (0: nothing, and there is no such split).
    split: 'train', 'validation' or 'test'.

  Raises:
    UserError: if there is no such data set or split, or it cannot be read.
  """
  return _loaded(config, split, anew=False)


def _loaded(config, split, anew):
  kind, colon, name = config.name.partition(':')
  if kind not in _KINDS or bool(colon) == (kind == 'digits') or bool(name) != bool(colon):
    raise UserError(
      f'There is no data set "{config.name}"{_hint(config.name)}; --config.data.name is one of {_FORMS}.'
    )
  if config.image_size < 0:
    raise UserError(f'--config.data.image_size={config.image_size} is negative; 0 leaves images as they are.')
  binarized.check_draws(config)
  _check_split(config, split)
  source = _divided(_KINDS[kind], name, config, split, once=config.binarized and not anew)
  if config.without and split != 'test':
    source = source.each(lambda part, _: splits.without(part, config.without))
  if anew:
    source = source.each(lambda part, field: binarized.Redrawn(part, config.binarized_draws, field))
  if config.twin:
    source = twins.beside(source, config.twin, config.paired)
  if not len(source):
    raise UserError(f'The split "{split}" of {config.name} is empty; give it more examples.')
  return source


def known_density(config: ConfigDict) -> Density | None:
  """What the examples of `config.data`, which can be loaded, are drawn from; None where nobody knows."""
  kind, _, name = config.name.partition(':')
  density = _KINDS[kind].density
  return density and density(name)


def monitored_split(config: ConfigDict) -> str:
  """The split that one looks at while a model trains: 'validation', or 'test' where none is held out."""
  return 'validation' if config.validation else 'test'


def _check_split(config, split):
  if split not in splits.SPLITS:
    raise UserError(f'There is no split "{split}"; there are {", ".join(splits.SPLITS)}.')
  if not 0 <= config.validation < 1:
    raise UserError(
      f'--config.data.validation={config.validation} is no share of the training set; give one from 0 to below 1.'
    )
  if split == 'validation' and not config.validation:
    raise UserError(
      f'No validation split of {config.name} was held out (data.validation=0); train with a share of 0.1, say, or '
      'ask for the split "test".'
    )


def _divided(kind, name, config, split, once):
  is_own = split == 'test' or not config.validation or kind.has_validation(name)
  part = split if is_own else 'train'
  whole = kind.load(config, name, part)
  if once:
    whole = whole.each(lambda source, field: binarized.binarized(source, part, field))
  return whole if is_own else whole.each(lambda source, _: splits.divide(source, config.validation, split))


def resolve(config: ConfigDict) -> ConfigDict:
  """A copy of the whole config in which `config.data.fields` states the fields of the data.

  Raises:
    UserError: if the data set cannot be read.
  """
  source = load(config.data, 'train')
  return resolved(config, source.spec, source.columns, source.end)


def resolved(
  config: ConfigDict, spec: DataSpec, columns: Columns | None = None, end: int | None = None
) -> ConfigDict:
  """A copy of the whole config whose `data` states these fields, of codes the `weights_sha256` that they are of, of a
  table how many categories each of its `columns` has, and of sentences the token that is their `end`."""
  config = config.copy_and_resolve_references()
  kind, _, name = config.data.name.partition(':')
  encoder = npz.weights_sha256(name) if kind == 'npz' else ''
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict(spec))
    if encoder:
      config.data.weights_sha256 = encoder
    if columns:
      config.data.columns = columns.categories
    if end is not None:
      config.data.end = end
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
  if name.endswith(('.npz', '.csv')):
    return f'{"npz" if name.endswith(".npz") else "table"}:{name}'
  return f'folder:{name}' if Path(name).is_dir() else f'tfds:{name}'
