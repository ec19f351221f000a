"""What samples are compared with: a data set with its splits, and what is known of it."""

from typing import NamedTuple, Protocol

import numpy as np

from jaxgen.metrics import storage
from jaxgen.types import DataSpec, Field


class Split(Protocol):
  """One split of a data set with random access; `jaxgen.data.Source` is one."""

  def __len__(self) -> int: ...

  def examples(self, indices: np.ndarray) -> dict[str, np.ndarray]:
    """`{name: [B, *shape]}`, an array for each field."""
    ...


class Reference(NamedTuple):
  """A data set that samples are compared with.

  Attributes:
    name: as a record states it: 'digits', 'tfds:cifar10'.
    spec: the fields of its examples.
    train: what models learn from.
    test: what they do not, and what nobody chose by.
    modes: f32[M, D], the centres of separate modes, where they are known.
    mode_std: the standard deviation about each centre.
    entropy: in nats, where it is known.
    validation: what was chosen by; None where nothing was held out for that.
  """

  name: str
  spec: DataSpec
  train: Split
  test: Split
  modes: np.ndarray | None = None
  mode_std: float = 0.0
  entropy: float | None = None
  validation: Split | None = None

  @property
  def x(self) -> Field:
    """What is modelled and measured."""
    return self.spec['x']


def split_fingerprint(split: Split) -> str:
  """Identifies a split by its length and up to 2,048 of its examples."""
  return storage.fingerprint(len(split), split.examples(spread_out(len(split), 2048)))


def spread_out(size: int, most: int) -> np.ndarray:
  """At most so many places, evenly over all: a split may be sorted by its classes."""
  return np.linspace(0, size - 1, min(size, most)).astype(int)
