"""The embedded data set: 1,797 handwritten digits, 8x8 pixels of 17 grey levels, from scikit-learn.

They are the test set of Alpaydin and Kaynak, "Optical recognition of handwritten digits" (UCI, 1998).
"""

import functools
import importlib.util
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgen.data import images, order
from jaxgen.data.source import Source, from_arrays
from jaxgen.types import Field

_LEVELS = 17
_TEST_SHARE = 6  # one in six is held out


def load(config: ConfigDict, name: str, split: str) -> Source:
  """1,497 digits to train on, 300 to test; the same ones always, with every class in proportion."""
  del name
  pixels, labels = _digits()
  test = _held_out(labels)
  chosen = test if split == 'test' else np.setdiff1d(np.arange(len(labels)), test)
  x = images.resize_all(pixels[chosen], config.image_size, _LEVELS)
  spec = {'x': Field('image', x.shape[1:], _LEVELS), 'label': Field('label', (), 10)}
  return from_arrays(f'digits ({split})', spec, {'x': x, 'label': labels[chosen]})


@functools.cache
def _digits():
  """All of them, u8[1797, 8, 8, 1], and their labels i32[1797]."""
  file = _file_of_scikit_learn()
  if file.exists():
    table = np.loadtxt(file, np.uint8, delimiter=',')
  else:
    from sklearn.datasets import load_digits  # a second to import, hence only where there is no other way

    table = np.column_stack(load_digits(return_X_y=True)).astype(np.uint8)
  return table[:, :-1].reshape(-1, 8, 8, 1), table[:, -1].astype(np.uint8)


def _file_of_scikit_learn():
  """The table that scikit-learn reads them from, one digit a line, 64 pixels and the label; nothing is imported."""
  spec = importlib.util.find_spec('sklearn')
  assert spec is not None and spec.origin is not None  # jaxgen requires it
  return Path(spec.origin).parent / 'datasets' / 'data' / 'digits.csv.gz'


def _held_out(labels):
  """Every sixth example, where they are ordered by class and at random within a class."""
  shuffled = order.permutation(0, 0, len(labels))
  by_class = shuffled[np.argsort(labels[shuffled], kind='stable')]
  return np.sort(by_class[::_TEST_SHARE])
