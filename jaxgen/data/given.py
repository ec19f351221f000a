"""Conditions for samples that nobody has named: those of training examples, in the data's own shares."""

from collections.abc import Sequence
from typing import Protocol

import jax
import numpy as np

from jaxgen.types import PRNGKey


class Examples(Protocol):
  """One split of a data set with random access; `jaxgen.data.Source` is one."""

  def __len__(self) -> int: ...

  def examples(self, indices: np.ndarray) -> dict[str, np.ndarray]:
    """`{name: [B, *shape]}`, an array for each field."""
    ...


def of_random_examples(
  examples: Examples, names: Sequence[str], rng: PRNGKey, num: int
) -> dict[str, np.ndarray] | None:
  """These fields of `num` random examples, `{name: [num, *shape]}`; None where no field is named."""
  if not names:
    return None
  places = np.asarray(jax.random.randint(rng, (num,), 0, len(examples)))
  drawn = examples.examples(places)
  return {name: np.asarray(drawn[name]) for name in names}
