"""The validation split: examples of the training set that no training step sees, by one rule for every data set."""

import hashlib
from collections.abc import Callable

import numpy as np

from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError

SPLITS = ('train', 'validation', 'test')
MOST = 10_000  # examples that are held out


def places(size: int, share: float) -> tuple[np.ndarray, np.ndarray]:
  """Which examples of a training set stay in it, and which are held out for validation.

  Of as many equal stretches of the set as examples are held out, each gives one, at a place that is random but always
  the same: so a set that is sorted by class stays in proportion, and so does one whose classes take turns.

  Args:
    size: of the training set, N, at least 2.
    share: of it that is held out, at most `MOST` examples and at least one; one at least stays, too.

  Returns:
    i64[N - V] and i64[V], both rising.
  """
  count = min(MOST, size - 1, max(1, round(share * size)))
  edges = np.arange(count + 1) * size // count
  # The stream of a bit generator is the same in every version of NumPy.
  numbers = np.random.Philox(key=0).random_raw(count) % np.diff(edges).astype(np.uint64)
  held_out = edges[:-1] + numbers.astype(np.int64)
  return np.setdiff1d(np.arange(size), held_out), held_out


def part(whole: Source, name: str, chosen: np.ndarray) -> Source:
  """The examples of a source at the places `chosen`, i64[N], as a source of their own.

  What is in memory is taken from there. What is decoded is decoded, and kept on disk, as this part alone, so that the
  whole is never held beside it.
  """
  if whole.arrays is not None:
    arrays = {key: value[chosen] for key, value in whole.arrays.items()}
    return from_arrays(name, whole.spec, arrays)
  sha = hashlib.sha256(chosen.astype('<i8').tobytes()).hexdigest()
  key = whole.cache_key and f'{whole.cache_key} examples {sha}'
  return Source(name, whole.spec, len(chosen), lambda indices: whole.examples(chosen[indices]), cache_key=key)


def divided(load: Callable[[str], Source], share: float, split: str) -> Source:
  """A split of a set of which `load` gives 'train' and 'test'; `share` of train is held out for validation."""
  if split == 'test' or not share:
    return load(split)
  return divide(load('train'), share, split)


def divide(whole: Source, share: float, split: str) -> Source:
  """The part of a training set that is trained on ('train'), or the one that is held out of it ('validation').

  Raises:
    UserError: if nothing would be left to train on.
  """
  if len(whole) < 2:
    raise UserError(
      f'{whole.name} has too few examples to hold one out; add some, or set --config.data.validation=0.'
    )
  kept, held_out = places(len(whole), share)
  if split == 'validation':
    return part(whole, f'{whole.name}, held out', held_out)
  return part(whole, whole.name, kept)
