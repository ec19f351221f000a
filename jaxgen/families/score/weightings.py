"""How much each noise level counts in the loss of a score model."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Weighting(NamedTuple):
  """A factor on `||sigma s(x + sigma e, sigma) + e||^2 / 2`.

  Attributes:
    description: the factor, for the objective; empty for 1.
    weight: `sigma f32[B] -> f32[B]`.
  """

  description: str
  weight: Callable[[jax.Array], jax.Array]


def noise() -> Weighting:
  """1: `lambda(sigma) = sigma^2` for the squared error of the score (Song & Ermon 2019, section 4.2)."""
  return Weighting('', jnp.ones_like)


def preconditioned(sigma_data: float) -> Weighting:
  """`(sigma^2 + sigma_data^2) / sigma_data^2`, with which a preconditioned network's loss starts at the same size at
  every level (Karras et al. 2022, table 1: their weight of the squared error of denoised data, times sigma^2)."""
  return Weighting(
    f'(sigma^2 + {sigma_data:g}^2) / {sigma_data:g}^2 ',
    lambda sigma: (sigma**2 + sigma_data**2) / sigma_data**2,
  )
