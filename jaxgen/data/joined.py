"""Two sources side by side: pairs of examples, or two domains without pairs."""

from collections.abc import Callable, Mapping

import numpy as np

from jaxgen.data import order, source
from jaxgen.data.source import Places, Source


class Joined(Source):
  """The fields of `x` (what is modelled, and its labels), and as `y` the x of another source.

  Paired, an example is one of each at the same place. Unpaired, a training step goes through both in orders of their
  own, {'x': i32[B], ..., 'y': i32[B]}; where examples are asked for by one place, as in evaluation, y is taken at that
  place too, and from its beginning again where it has fewer.
  """

  def __init__(self, name: str, x: Source, y: Source, paired: bool):
    """`y` has as many examples as `x` if they are paired."""
    super().__init__(name, {**x.spec, 'y': y.spec['x']}, len(x), self._examples_at)
    self._x, self._y, self._paired = x, y, paired

  @property
  def nbytes(self) -> int:
    return self._x.nbytes + self._y.nbytes

  def layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return self._x.layout() | {'y': self._y.layout()['x']}

  def indices(self, seed: int, step: int, batch_size: int) -> Places:
    places = self._x.indices(seed, step, batch_size)
    if self._paired:
      return places
    own = order.batch_indices(seed, step, len(self._y), batch_size, stream=1)
    return {**dict.fromkeys(self._x.spec, np.asarray(places)), 'y': own}

  def examples(self, indices: Places) -> dict[str, np.ndarray]:
    return self._examples_at(indices)

  def _examples_at(self, indices):
    own = isinstance(indices, Mapping)
    of_x, of_y = (indices['x'], indices['y']) if own else (indices, np.asarray(indices) % len(self._y))
    return {**self._x.examples(of_x), 'y': self._y.examples(of_y)['x']}

  def resident(self) -> dict[str, np.ndarray] | None:
    if self.nbytes > source.RESIDENT_BYTES:
      return None
    x, y = self._x.resident(), self._y.resident()
    return None if x is None or y is None else {**x, 'y': y['x']}

  def each(self, change: Callable[[Source, str], Source]) -> Source:
    x, y = change(self._x, 'x'), change(self._y, 'y')
    return Joined(self.name, x, y, self._paired)
