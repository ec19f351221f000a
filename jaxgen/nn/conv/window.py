"""How a kernel lies on its input."""

from typing import Any, NamedTuple

Shape = tuple[int, ...]
Paddings = list[tuple[int, int]]  # before and behind, of each spatial dimension; a negative number crops


class Window(NamedTuple):
  """How a kernel lies on its input: one entry per spatial dimension, and the number of channel groups."""

  strides: tuple[int, ...]
  padding: tuple[tuple[int, int], ...]
  dilation: tuple[int, ...]
  groups: int = 1
  precision: Any = None
