"""What is held out: the validation split of every data set, and a test split where a set brings none, by rule."""

import hashlib
from collections.abc import Sequence

import numpy as np

from jaxgen.data import order
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


def hold_out(size: int) -> dict[str, np.ndarray]:
  """A tenth of the places for 'test', the others for 'train': at random, but always the same; both i64, rising."""
  shuffled = order.permutation(0, 0, size)
  count = max(1, size // 10)
  return {'train': np.sort(shuffled[count:]), 'test': np.sort(shuffled[:count])}


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


def without(whole: Source, classes: Sequence[int]) -> Source:
  """The examples of all other classes.

  Raises:
    UserError: if there are no labels, no such class, or nothing is left.
  """
  option = f'--config.data.without={tuple(classes)}'
  if 'label' not in whole.spec:
    raise UserError(f'{option} holds out classes, and {whole.name} has no labels; leave it away.')
  most = whole.spec['label'].levels
  if strange := [label for label in classes if not 0 <= label < most]:
    raise UserError(f'{option} names class {strange[0]}; the classes of {whole.name} are 0 to {most - 1}.')
  kept = np.flatnonzero(~np.isin(_labels(whole), classes))
  if not len(kept):
    raise UserError(f'{option} leaves nothing of {whole.name}; hold out fewer classes.')
  return part(whole, f'{whole.name} without {", ".join(map(str, classes))}', kept)


def _labels(whole):
  """Of all examples, one chunk after the other where they are not in memory."""
  arrays = whole.resident()
  if arrays is not None:
    return arrays['label']
  starts = range(0, len(whole), 1024)
  chunks = [whole.examples(np.arange(start, min(start + 1024, len(whole))))['label'] for start in starts]
  return np.concatenate(chunks)


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
