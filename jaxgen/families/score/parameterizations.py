"""What a score network's outputs mean: the score, the noise, the clean data, or a correction to a Gaussian's score."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Parameterization(NamedTuple):
  """How a network makes a score: it sees `inputs`, and `score` is made of what it says.

  Attributes:
    inputs: `(x f32[B, ...], sigma f32[B], scale f32[B]) -> f32[B, ...]`; the scale is that of the path,
      `jaxgen.families.score.paths.Path.scale`.
    score: `(outputs f32[B, ...], x, sigma) -> f32[B, ...]`, the score of the data blurred by sigma at x.
  """

  inputs: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
  score: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def score() -> Parameterization:
  """The outputs are the score (Song & Ermon 2019)."""
  return Parameterization(_scaled, lambda outputs, x, sigma: outputs)


def noise() -> Parameterization:
  """The outputs are the noise e of `x + sigma e`: `s = -F / sigma` (Ho et al. 2020, equation 11)."""
  return Parameterization(_scaled, lambda outputs, x, sigma: -outputs / _along(sigma, x))


def denoised() -> Parameterization:
  """The outputs are the mean of the clean data: `s = (F - x) / sigma^2` (Tweedie's formula)."""
  return Parameterization(_scaled, lambda outputs, x, sigma: (outputs - x) / _along(sigma, x) ** 2)


def preconditioned(sigma_data: float) -> Parameterization:
  """A network that sees inputs, and gives outputs, of order one at every noise level, whatever the path.

  `s = -x / t^2 + F(x / t) sigma_data / (sigma t)` with `t^2 = sigma_data^2 + sigma^2`: the score of
  Gaussian data, and a correction. Dividing by sigma is technique 3 of Song & Ermon 2020; the rest is the
  preconditioning of Karras et al. 2022, section 5, written for a score.

  Args:
    sigma_data: the standard deviation of the data.
  """

  def total(x, sigma):
    return jnp.sqrt(sigma_data**2 + _along(sigma, x) ** 2)

  def of(outputs, x, sigma):
    t = total(x, sigma)
    return -x / t**2 + outputs * sigma_data / (_along(sigma, x) * t)

  return Parameterization(lambda x, sigma, scale: x / total(x, sigma), of)


def _scaled(x, sigma, scale):
  del sigma
  return _along(scale, x) * x


def _along(numbers, x):
  return numbers.reshape((-1,) + (1,) * (x.ndim - 1))
