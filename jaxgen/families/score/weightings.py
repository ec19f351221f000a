"""How much each noise level counts in the loss of a score model."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.families.score.path import Path


class Weighting(NamedTuple):
  """A factor on `||sigma s(x + sigma e, sigma) + e||^2 / 2`, the squared error of the noise.

  Attributes:
    description: the factor, for the objective; empty for 1.
    weight: `sigma f32[B] -> f32[B]`.
  """

  description: str
  weight: Callable[[jax.Array], jax.Array]


def noise() -> Weighting:
  """1: `lambda(sigma) = sigma^2` for the squared error of the score (Song & Ermon 2019, section 4.2)."""
  return Weighting('', jnp.ones_like)


def likelihood(path: Path) -> Weighting:
  """`2 / p(log sigma)`, p being the density of the draws: the loss is `integral ||...||^2 / 2 d log sigma^2`.

  That is the bound on the likelihood, up to a constant, in nats: the weight `g(t)^2` of the squared error of the score
  (Song et al. 2021b, theorem 1), whose `g^2 dt` is `scale^2 d sigma^2` on every path. Of uniform times it is
  `2 d log sigma / dt`, of variance-preserving ones `beta(t) / (1 - alpha_bar)`.
  """
  return Weighting('2 / p(log sigma) ', lambda sigma: 2 / path.density(sigma))


def min_snr(gamma: float) -> Weighting:
  """`min(1, gamma sigma^2)`, with the signal-to-noise ratio `1 / sigma^2`: of the squared error of the data it is
  `min(1 / sigma^2, gamma)` (Hang et al. 2023, section 3.4; their gamma is 5).

  Args:
    gamma: the largest weight of the data.
  """
  return Weighting(f'min(1, {gamma:g} sigma^2) ', lambda sigma: jnp.minimum(1.0, gamma * sigma**2))


def velocity(path: Path) -> Weighting:
  """`(a + b sigma)^2`, with which the loss is the squared error of the velocity: `(1 + sigma)^2` on a straight path,
  the loss of flow matching (Lipman et al. 2023, equation 23), and `1 + sigma^2` where variance is preserved."""

  def weight(sigma):
    a, b = path.frame.velocity(sigma)
    return (a + b * sigma) ** 2

  return Weighting('(velocity / noise)^2 ', weight)


def preconditioned(sigma_data: float) -> Weighting:
  """`(sigma^2 + sigma_data^2) / sigma_data^2`, with which a preconditioned network's loss starts at the same size at
  every level (Karras et al. 2022, table 1: their weight of the squared error of denoised data, times sigma^2)."""
  return Weighting(
    f'(sigma^2 + {sigma_data:g}^2) / {sigma_data:g}^2 ',
    lambda sigma: (sigma**2 + sigma_data**2) / sigma_data**2,
  )


# `(path, sigma_data, gamma of min_snr) -> Weighting`, by the names of `config.model.weighting`
WEIGHTINGS: dict[str, Callable[[Path, float, float], Weighting]] = {
  'noise': lambda path, sigma_data, gamma: noise(),
  'likelihood': lambda path, sigma_data, gamma: likelihood(path),
  'min_snr': lambda path, sigma_data, gamma: min_snr(gamma),
  'velocity': lambda path, sigma_data, gamma: velocity(path),
  'preconditioned': lambda path, sigma_data, gamma: preconditioned(sigma_data),
}
