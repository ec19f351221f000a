"""In which order an autoregressive model takes the entries of an example."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Order(NamedTuple):
  """A permutation of the D entries of an example, counted in row-major order.

  Attributes:
    entries: i32[D], the entry that comes k-th.
    ranks: i32[D], the inverse: how many entries come before each.
  """

  entries: np.ndarray
  ranks: np.ndarray

  def sees(self) -> np.ndarray:
    """bool[D, D]: whether the outputs for an entry (row) may depend on another (column), which comes before it."""
    return self.ranks[:, None] > self.ranks[None]


def raster(size: int) -> Order:
  """Rows from the top, each from the left, red before green before blue; text from its beginning."""
  return Order(np.arange(size, dtype=np.int32), np.arange(size, dtype=np.int32))


def permuted(entries: Sequence[int]) -> Order:
  """Any order, for networks that are masked by it.

  Raises:
    ValueError: if it is no permutation of 0, ..., D - 1.
  """
  order = np.asarray(entries, np.int32)
  if sorted(order.tolist()) != list(range(len(order))):
    raise ValueError(f'an order names each of the entries 0 to {len(order) - 1} once, not {order}.')
  return Order(order, np.argsort(order).astype(np.int32))
