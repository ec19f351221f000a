"""What a score network learns the noise of an example to be."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgen.losses.score import mean_noise


class Target(NamedTuple):
  """What stands for the noise e in the loss.

  Attributes:
    description: for the objective; empty where it is the noise itself.
    noise: `(noisy f32[B, ...], clean f32[B, ...], noise f32[B, ...], sigma f32[B]) -> f32[B, ...]`.
    of_all: whether an example's depends on the other examples.
  """

  description: str
  noise: Callable[[jax.Array, jax.Array, jax.Array, jax.Array], jax.Array]
  of_all: bool


def own() -> Target:
  """The noise that was added (Vincent 2011)."""
  return Target('', lambda noisy, clean, noise, sigma: noise, of_all=False)


def batch() -> Target:
  """Its mean given the whole batch, see `jaxgen.losses.score.mean_noise`: of the same mean, and of less variance."""
  return Target(
    'e its mean given the batch, ',
    lambda noisy, clean, noise, sigma: mean_noise(noisy, clean, sigma),
    of_all=True,
  )


# `() -> Target`, by the names of `config.model.target`
TARGETS: dict[str, Callable[[], Target]] = {'own': own, 'batch': batch}
