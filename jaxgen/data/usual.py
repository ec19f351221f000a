"""What the usual sets of TensorFlow Datasets hold, for whoever plans a run before one of them is prepared."""

from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from jaxgen.data import splits
from jaxgen.data.source import Source
from jaxgen.data.transformations import binarized, twins
from jaxgen.errors import UserError
from jaxgen.types import Field


class _Usual(NamedTuple):
  shape: tuple[int, int, int]
  classes: int
  train: int  # examples
  has_validation: bool = False  # beside its test split


_SETS = {
  'mnist': _Usual((28, 28, 1), 10, 60_000),
  'fashion_mnist': _Usual((28, 28, 1), 10, 60_000),
  'kmnist': _Usual((28, 28, 1), 10, 60_000),
  'cifar10': _Usual((32, 32, 3), 10, 50_000),
  'cifar100': _Usual((32, 32, 3), 100, 50_000),
  'svhn_cropped': _Usual((32, 32, 3), 10, 73_257),
  'stl10': _Usual((96, 96, 3), 10, 5_000),
  'celeb_a': _Usual((218, 178, 3), 0, 162_770, has_validation=True),
}


def training_set(config: ConfigDict) -> Source | None:
  """The training set that `config.data` names, as it is known to be: its shape, classes and size, but no example.

  Returns:
    A source that cannot be read, or None if the set is none of the usual ones.
  """
  kind, _, name = config.name.partition(':')
  if kind != 'tfds' or name not in _SETS:
    return None
  binarized.check_draws(config)
  shape, classes, size, has_validation = _SETS[name]
  if config.image_size:
    shape = (config.image_size, config.image_size, shape[-1])
  spec = {'x': Field('image', shape, 2 if config.binarized else 256)} | (
    {'label': Field('label', (), classes)} if classes else {}
  )
  whole = Source(f'{name} (train)', spec, size, _not_here)
  if config.validation and not has_validation:
    whole = splits.divide(whole, config.validation, 'train')
  if config.binarized_draws > 1:
    whole = Source(whole.name, whole.spec, config.binarized_draws * len(whole), _not_here)
  return twins.beside(whole, config.twin, config.paired) if config.twin else whole


def _not_here(indices: np.ndarray):
  raise UserError(
    f'{len(indices)} examples of a data set were asked for that is not on this machine; prepare it.'
  )
