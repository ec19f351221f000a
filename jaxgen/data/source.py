"""A source: one split of a data set, readable in any order."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxgen import fields
from jaxgen.data import cache, order
from jaxgen.types import DataSpec

# A set that takes no more than this, decoded, is held in memory as a whole; the training loop then keeps it
# on the device and picks each batch there. CIFAR-10 takes 147 MiB.
RESIDENT_BYTES = 256 * 2**20

_FINGERPRINTED = 256  # examples of a set that is not held in memory: each may have to be decoded

# {name: [N, *shape]}, an array for each field
Arrays = Mapping[str, np.ndarray]

# Places of examples: i64[B] of all fields alike, or {name: i64[B]} where fields have places of their own. It is a
# prefix of the tree of arrays that it picks from.
Places = np.ndarray | Mapping[str, np.ndarray]


class Source:
  """One split of a data set, with random access.

  Attributes:
    name: what it is, as a message to a person calls it.
    spec: the fields of its examples.
    cache_key: identifies the decoded arrays on disk; empty: they are not kept there.
    arrays: all examples, where they are in memory.
    vocabulary: of its tokens, a `jaxgen.data.vocabulary.Vocabulary`; None where they are no text.
    columns: of a table, `jaxgen.data.tables.columns.Columns`; None where it is none.
    pitches: of sound with the field `pitch`, the frequency of each of its values, f64[P] in Hz; None of all else.
    end: the token that ends an example of text; None where none does.
  """

  def __init__(
    self,
    name: str,
    spec: DataSpec,
    size: int,
    read: Callable[[np.ndarray], Arrays],
    cache_key: str = '',
    arrays: Arrays | None = None,
    vocabulary: Any = None,
    columns: Any = None,
    pitches: np.ndarray | None = None,
    end: int | None = None,
  ):
    """Nothing is read yet.

    Args:
      name: see above.
      spec: see above.
      size: the number of examples.
      read: `i64[B] -> arrays` of those examples; called from several threads at once.
      cache_key: see above.
      arrays: see above; None where they are not in memory yet.
      vocabulary: see above.
      columns: see above.
      pitches: see above.
      end: see above.
    """
    self.name = name
    self.spec = spec
    self._size = size
    self._read = read
    self.cache_key = cache_key
    self.arrays = arrays
    self.vocabulary = vocabulary
    self.columns = columns
    self.pitches = pitches
    self.end = end
    self._decoding = threading.Lock()

  def __len__(self) -> int:
    return self._size

  @property
  def nbytes(self) -> int:
    """The bytes that all examples take when decoded."""
    return self._size * fields.nbytes(self.spec)

  def layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """What `resident` gives: `{name: (shape, dtype)}` of the arrays of the whole split."""
    return {name: ((self._size, *field.shape), fields.dtype(field)) for name, field in self.spec.items()}

  def indices(self, seed: int, step: int, batch_size: int) -> Places:
    """Which examples a training step has: i32[B], a pure function of (seed, step); see `order.batch_indices`."""
    return order.batch_indices(seed, step, self._size, batch_size)

  def examples(self, indices: Places) -> dict[str, np.ndarray]:
    """The examples at these places, `{name: [B, *shape]}` of each field.

    Raises:
      UserError: if one of them cannot be read.
    """
    indices = np.asarray(indices)
    if self.arrays is not None:
      return {key: value[indices] for key, value in self.arrays.items()}
    return dict(self._read(indices))

  def resident(self) -> dict[str, np.ndarray] | None:
    """All examples at once, or None if they take more than `RESIDENT_BYTES`.

    Raises:
      UserError: if one of them cannot be read.
    """
    if self.nbytes > RESIDENT_BYTES:
      return None
    with self._decoding:  # several threads read, and one of them decodes
      if self.arrays is None:
        self.arrays = cache.decoded(self.cache_key, self.layout(), self._read)
      return dict(self.arrays)

  def each(self, change: Callable[['Source', str], 'Source']) -> 'Source':
    """What a change makes of this source; of one that is put together from others, of each of these. It is told what
    the field x of the source is called in the whole."""
    return change(self, 'x')


def from_arrays(
  name: str,
  spec: DataSpec,
  arrays: Arrays,
  vocabulary: Any = None,
  columns: Any = None,
  pitches: np.ndarray | None = None,
  end: int | None = None,
) -> Source:
  """A source of arrays that are in memory already."""

  def read(indices):
    return {key: value[indices] for key, value in arrays.items()}

  about: dict[str, Any] = {'vocabulary': vocabulary, 'columns': columns, 'pitches': pitches, 'end': end}
  return Source(name, spec, len(arrays['x']), read, arrays=arrays, **about)


def fingerprint(source: Source) -> dict[str, int | str]:
  """What tells a data set from the one that it was: its length and its content, not names or times of files.

  `{'examples': length, 'sha256': of all examples}`; of 256 of them where the set is not held in memory.

  Raises:
    UserError: if one of them cannot be read.
  """
  arrays = source.resident()
  if arrays is None:
    places = np.linspace(0, len(source) - 1, min(len(source), _FINGERPRINTED)).astype(int)
    arrays = source.examples(places)
  digest = hashlib.sha256()
  for name, array in sorted(arrays.items()):
    # labels as numbers of 32 bits, whatever they are kept in: so were they hashed by runs that are older than that
    is_label = source.spec[name].kind == 'label'
    array = np.ascontiguousarray(array, np.int32 if is_label else None)
    digest.update(f'{name} {array.dtype.str} {array.shape}'.encode())
    digest.update(array.view(np.uint8).data if array.size else b'')
  return {'examples': len(source), 'sha256': digest.hexdigest()}
