"""A source: one split of a data set, readable in any order."""

from collections.abc import Callable, Mapping

import numpy as np

from jaxgen.data import cache
from jaxgen.types import DataSpec

# A set that takes no more than this, decoded, is held in memory as a whole; the training loop then keeps it
# on the device and picks each batch there. CIFAR-10 takes 147 MiB.
RESIDENT_BYTES = 256 * 2**20

# 'x': uint8[N, H, W, C] or f32[N, D]; 'label': i32[N] where there are classes
Arrays = Mapping[str, np.ndarray]


class Source:
  """One split of a data set, with random access.

  Attributes:
    name: what it is, as a message to a person calls it.
    spec: the shape, levels and classes of its examples.
    cache_key: identifies the decoded arrays on disk; empty: they are not kept there.
    arrays: all examples, where they are in memory.
  """

  def __init__(
    self,
    name: str,
    spec: DataSpec,
    size: int,
    read: Callable[[np.ndarray], Arrays],
    cache_key: str = '',
    arrays: Arrays | None = None,
  ):
    """Nothing is read yet.

    Args:
      name: see above.
      spec: see above.
      size: the number of examples.
      read: `i64[B] -> arrays` of those examples; called from several threads at once.
      cache_key: see above.
      arrays: see above; None where they are not in memory yet.
    """
    self.name = name
    self.spec = spec
    self._size = size
    self._read = read
    self.cache_key = cache_key
    self.arrays = arrays

  def __len__(self) -> int:
    return self._size

  @property
  def nbytes(self) -> int:
    """The bytes that all `x` take when decoded."""
    return self._size * int(np.prod(self.spec.shape)) * self.dtype.itemsize

  @property
  def dtype(self) -> np.dtype:
    """The type of `x`: uint8 for pixels, float32 for continuous values."""
    return np.dtype(np.uint8 if self.spec.levels else np.float32)

  def examples(self, indices: np.ndarray) -> dict[str, np.ndarray]:
    """The examples at these places, `{'x': [B, ...]}` and `'label': i32[B]` where there are classes.

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
    if self.arrays is None:
      expected = self._expected()
      self.arrays = cache.decoded(self.cache_key, expected, self._read)
    return dict(self.arrays)

  def _expected(self):
    expected = {'x': ((self._size, *self.spec.shape), self.dtype)}
    if self.spec.classes:
      expected['label'] = ((self._size,), np.dtype(np.int32))
    return expected


def blank(spec: DataSpec, *leading: int) -> dict[str, np.ndarray]:
  """Zeros in the shape of examples: `{'x': [*leading, ...]}`, and `'label': i32[*leading]` where there are classes."""
  x = np.zeros((*leading, *spec.shape), np.uint8 if spec.levels else np.float32)
  return {'x': x} | ({'label': np.zeros(leading, np.int32)} if spec.classes else {})


def from_arrays(name: str, spec: DataSpec, arrays: Arrays) -> Source:
  """A source of arrays that are in memory already."""

  def read(indices):
    return {key: value[indices] for key, value in arrays.items()}

  return Source(name, spec, len(arrays['x']), read, arrays=arrays)
