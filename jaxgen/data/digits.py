"""The embedded data set: 1,797 handwritten digits, 8x8 pixels of 17 grey levels, from scikit-learn.

They are the test set of Alpaydin and Kaynak, "Optical recognition of handwritten digits" (UCI, 1998).
"""

import functools

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
  from sklearn.datasets import load_digits  # a second to import: only for those who read the digits

  digits = load_digits()
  return digits.images.astype(np.uint8)[..., None], digits.target.astype(np.uint8)


def _held_out(labels):
  """Every sixth example, where they are ordered by class and at random within a class."""
  shuffled = order.permutation(0, 0, len(labels))
  by_class = shuffled[np.argsort(labels[shuffled], kind='stable')]
  return np.sort(by_class[::_TEST_SHARE])
