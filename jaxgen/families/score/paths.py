"""How data become noise: the levels of training, and the scale on which a network sees what is blurred."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.types import PRNGKey


class Path(NamedTuple):
  """From data to noise, `x_t = scale(sigma) (x + sigma e)` with `e ~ N(0, I)` (Karras et al. 2022, table 1).

  Whatever the scale, sigma is the noise relative to the data, so that a score is always that of `x + sigma e` and every
  sampler of `jaxgen.samplers` can be run on it.

  Attributes:
    description: for the objective.
    sigmas: f32[L], falling, the noise levels that say where the path begins and ends.
    draw: `(rng, num) -> sigma f32[num]`, the levels of training.
    scale: `sigma f32[B] -> f32[B]`.
  """

  description: str
  sigmas: np.ndarray
  draw: Callable[[PRNGKey, int], jax.Array]
  scale: Callable[[jax.Array], jax.Array]


def variance_exploding(sigmas: Sequence[float] | jax.Array | np.ndarray) -> Path:
  """`x + sigma e` at levels drawn uniformly (Song & Ermon 2019; see `jaxgen.losses.score.geometric_sigmas`).

  Raises:
    ValueError: if there are fewer than two levels, they do not fall or are not positive.
  """
  return _path(sigmas, jnp.ones_like, '')


def variance_preserving(sigmas: Sequence[float] | jax.Array | np.ndarray) -> Path:
  """`(x + sigma e) / sqrt(1 + sigma^2)`, of variance one for data of variance one (Ho et al. 2020, equation 4).

  Their `alpha_bar` is `1 / (1 + sigma^2)`; `linear_sigmas` are the levels of their schedule.

  Raises:
    ValueError: if there are fewer than two levels, they do not fall or are not positive.
  """
  return _path(sigmas, lambda sigma: 1 / jnp.sqrt(1 + sigma**2), 'variance preserved, ')


def linear_sigmas(num_levels: int = 1000, first: float = 1e-4, last: float = 0.02) -> np.ndarray:
  """The levels of a schedule whose `beta` rises linearly (Ho et al. 2020, section 4), f32[num_levels], falling.

  `alpha_bar_t = prod_{s <= t} (1 - beta_s)` and `sigma_t^2 = 1 / alpha_bar_t - 1`.
  """
  alpha_bar = np.cumprod(1 - np.linspace(first, last, num_levels))
  return np.sqrt(1 / alpha_bar - 1)[::-1].astype(np.float32)


def _path(sigmas, scale, words):
  sigmas = np.asarray(sigmas, np.float32)
  if len(sigmas) < 2 or not np.all(np.diff(sigmas) < 0) or sigmas[-1] <= 0:
    raise ValueError('sigmas must be at least two positive noise levels in falling order.')

  def draw(rng, num):
    return jnp.asarray(sigmas)[jax.random.randint(rng, (num,), 0, len(sigmas))]

  return Path(f'{words}{len(sigmas)} noise levels {sigmas[0]:.3g} to {sigmas[-1]:.3g}', sigmas, draw, scale)
