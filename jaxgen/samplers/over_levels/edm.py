"""The stochastic sampler of EDM: noise is added, and more than that taken away."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.over_levels._descent import LevelScoreFn, descent
from jaxgen.samplers.over_levels.heun import heun_step
from jaxgen.types import Sampler


def edm(
  score_fn: LevelScoreFn,
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  *,
  churn: float = 0.0,
  churn_min: float = 0.0,
  churn_max: float = float('inf'),
  noise_scale: float = 1.0,
) -> Sampler:
  """`heun` with churn (Karras et al. 2022, algorithm 2, in which sigma is t).

  Before each of the N steps the noise is raised from `sigma` to `(1 + gamma) sigma` by fresh noise, with
  `gamma = min(churn / N, sqrt(2) - 1)` where `churn_min <= sigma <= churn_max` and 0 elsewhere; `heun` goes from there
  to the next level. Of an exact score it changes nothing but the error of the steps; of a learned one it mends what
  earlier steps did wrong. Steps and evaluations as of `heun`.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling; the last one may be 0. With churn, the score is taken up to `sqrt(2)` of the first.
    churn: S_churn; 80, 40 and 30 in the paper, for 256 to 511 steps. Without it this is `heun`.
    churn_min: S_tmin.
    churn_max: S_tmax.
    noise_scale: S_noise, the standard deviation of the fresh noise; slightly above 1 where a network takes away too
      much.

  Returns:
    A `Sampler` over f32[B, ...].

  Raises:
    ValueError: as `check_churn`; or if there are fewer than two levels, one but the last is not positive, or they do
      not fall.
  """
  check_churn(churn, churn_min, churn_max)

  def move(rng, x, here, there):
    most = min(churn / (len(sigmas) - 1), math.sqrt(2) - 1)
    gamma = jnp.where((churn_min <= here) & (here <= churn_max), most, 0.0)
    raised = (1 + gamma) * here
    noise = noise_scale * jax.random.normal(rng, x.shape, x.dtype)
    return heun_step(score_fn, x + jnp.sqrt(raised**2 - here**2) * noise, raised, there)

  return descent(move, sigmas)


def check_churn(churn: float, churn_min: float, churn_max: float) -> None:
  """Raises a `ValueError` if churn is negative, or there is no level to which it is added."""
  if churn < 0:
    raise ValueError(f'the churn of EDM is the noise that is added, and must not be negative; it is {churn}.')
  if churn_min > churn_max:
    raise ValueError(
      f'with churn_min {churn_min:g} above churn_max {churn_max:g} EDM adds noise at no level; set churn=0 for none.'
    )
