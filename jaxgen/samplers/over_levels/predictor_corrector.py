"""The reverse variance-exploding diffusion, each step corrected by Langevin dynamics."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.langevin import LangevinState
from jaxgen.samplers.over_levels._descent import LevelScoreFn, score_at
from jaxgen.samplers.over_levels.corrected import corrected
from jaxgen.samplers.over_levels.euler_maruyama import euler_maruyama
from jaxgen.types import PRNGKey, Sampler


class LangevinCorrectorInfo(NamedTuple):
  """`step_size`, f32[]: the step that was taken, in the convention of `jaxgen.samplers.langevin`."""

  step_size: jax.Array


def predictor_corrector(
  score_fn: LevelScoreFn,
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  signal_to_noise: float = 0.16,
  corrector_steps: int = 1,
) -> Sampler:
  """`euler_maruyama` under a `langevin_corrector` (Song et al. 2021, algorithms 2 and 4, for the VE process).

  After the last level one more step removes its noise, `x + t^2 score(x, t)`, as there. `L` levels take `L` steps of
  `run`; past them the chain stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], positive, falling; the chain starts at `N(0, sigmas[0]^2 I)`.
    signal_to_noise: the corrector's step, relative.
    corrector_steps: Langevin steps per level; 0 leaves the predictor alone.

  Returns:
    A `Sampler` over f32[B, ...].

  Raises:
    ValueError: if a level is not positive, or they do not fall.
  """
  to_zero = jnp.append(jnp.asarray(sigmas, float), 0.0)
  corrector = langevin_corrector(score_fn, signal_to_noise)
  return corrected(euler_maruyama(score_fn, to_zero), corrector, to_zero, corrector_steps)


def langevin_corrector(
  score_fn: LevelScoreFn, signal_to_noise: float = 0.16
) -> Callable[[jax.Array], Sampler]:
  """Langevin dynamics at a level, with a step that is measured (Song et al. 2021, algorithm 4), for `corrected`.

  With fresh `z ~ N(0, I)` each time,

      x <- x + e score(x, sigma) + sqrt(2 e) z,   e = 2 (r ||z|| / ||score(x, sigma)||)^2;

  r is `signal_to_noise`; both norms are averaged over the batch, as the authors do. A score of zero, that of a network
  whose last layer still is zero, says nothing of how far to go: no step is taken.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    signal_to_noise: r.

  Returns:
    From a level, f32[], to a `Sampler` over f32[B, ...].
  """

  def at_level(sigma):
    def step(rng: PRNGKey, state: LangevinState) -> tuple[LangevinState, LangevinCorrectorInfo]:
      x = state.position
      score, noise = score_at(score_fn, x, sigma), jax.random.normal(rng, x.shape, x.dtype)
      half = 2 * (signal_to_noise * _mean_norm(noise) / _mean_norm(score)) ** 2
      half = jnp.where(jnp.isfinite(half), half, 0.0)
      return LangevinState(x + half * score + jnp.sqrt(2 * half) * noise), LangevinCorrectorInfo(2 * half)

    return Sampler(LangevinState, step)

  return at_level


def _mean_norm(vectors):
  return jnp.sqrt((vectors**2).reshape(vectors.shape[0], -1).sum(1)).mean()
