"""A probability density of which everything is known, and the splits of a data set that are drawn from it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen.data.images import check_none_resized
from jaxgen.data.source import Source, from_arrays
from jaxgen.types import Field

_SEEDS = {'train': 0, 'test': 1, 'validation': 2}


class Density(NamedTuple):
  """A probability density.

  Attributes:
    log_prob: `x f32[..., dims] -> f32[...]`, in nats, exact; -inf where there is nothing.
    sample: `(seed, num) -> f32[num, dims]`, exact and independent; NumPy's, so that no device is touched.
    entropy: differential, in nats; where a density is made is said how it was computed.
    bound: pictures show each coordinate in `[-bound, bound]`; outside of this lies less than 1e-6 of the mass in the
      plane, and less than 1e-2 of that of any coordinate in more dimensions.
    modes: `f32[M, dims]`, the centres of separate modes, all of equal mass; None where there are no such.
    mode_std: the standard deviation of a mode along each axis; 0 without modes.
    dims: of an example.
  """

  log_prob: Callable[[jax.Array], jax.Array]
  sample: Callable[[int, int], np.ndarray]
  entropy: float
  bound: float
  modes: np.ndarray | None = None
  mode_std: float = 0.0
  dims: int = 2


def generator(seed: int) -> np.random.Generator:
  """Random numbers that are the same on every machine, a stream for each seed in `[0, 2^128)`.

  Draws whose first numbers are one for each example add `jaxgen.data.order.APART` to theirs.
  """
  return np.random.Generator(np.random.Philox(key=seed))


def drawn(config: ConfigDict, density: Density, split: str, num_train: int) -> Source:
  """A split of independent draws, always the same: `num_train` to train on, 10,000 each to validate and to test.

  Args:
    config: `config.data`.
    density: what is drawn from.
    split: 'train', 'validation' or 'test'.
    num_train: examples of the training split.

  Raises:
    UserError: if `config.image_size` is set.
  """
  check_none_resized(config.image_size, config.name)
  x = density.sample(_SEEDS[split], num_train if split == 'train' else 10_000)
  return from_arrays(f'{config.name} ({split})', {'x': Field('vector', (density.dims,), 0)}, {'x': x})
