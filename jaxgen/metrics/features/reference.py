"""What samples are compared with: a data set with its splits, and what is known of it."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import numpy as np

from jaxgen.errors import UserError
from jaxgen.metrics import storage
from jaxgen.types import DataSpec, Field


class Split(Protocol):
  """One split of a data set with random access; `jaxgen.data.Source` is one.

  Attributes:
    name: what it is, as a message to a person calls it.
  """

  name: str

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
    log_density: `f32[B, D] -> f32[B]`, of what the examples are drawn from, in nats, where it is known.
    validation: what was chosen by; None where nothing was held out for that.
    rate: samples a second of sound, Hz; 0 of all else.
    pitches: f64[P], the frequency in Hz of each value of the field `pitch`, where it is known.
  """

  name: str
  spec: DataSpec
  train: Split
  test: Split
  modes: np.ndarray | None = None
  mode_std: float = 0.0
  log_density: Callable[[jax.Array], jax.Array] | None = None
  validation: Split | None = None
  rate: int = 0
  pitches: np.ndarray | None = None

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


def split_of(reference: Reference, name: str) -> Split:
  """A split by its name.

  Raises:
    UserError: if there is none.
  """
  named = {'train': reference.train, 'validation': reference.validation, 'test': reference.test}
  splits = {name: split for name, split in named.items() if split is not None}
  if name not in splits:
    raise UserError(f'{reference.name} has no split "{name}" here; there are {", ".join(splits)}.')
  return splits[name]


def compared_with(reference: Reference, split: str) -> tuple[Split, np.ndarray]:
  """The split that samples are compared with, and the places of the examples in it.

  Raises:
    UserError: if there is none.
  """
  if split == 'half':
    return reference.train, halves(len(reference.train))[1]
  chosen = split_of(reference, split)
  return chosen, np.arange(len(chosen))


def halves(size: int) -> tuple[np.ndarray, np.ndarray]:
  """The places of two halves of a split, without what is left over: always the same, in no order."""
  places = np.random.default_rng(0).permutation(size)
  return places[: size // 2], places[size // 2 : size // 2 * 2]
