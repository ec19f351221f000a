"""Heun's method on the probability-flow ODE: a deterministic way from noise to data."""

from collections.abc import Sequence

import jax
import numpy as np
from jax import lax

from jaxgen.samplers.over_levels._descent import LevelScoreFn, descent, score_at
from jaxgen.types import Sampler


def heun(score_fn: LevelScoreFn, sigmas: Sequence[float] | jax.Array | np.ndarray) -> Sampler:
  """Heun's method on `dx / d sigma = -sigma s(x, sigma)`, from each noise level to the next.

  With sigma as the time of the ODE, its paths are straight where noise or data prevail (Karras et al. 2022, section 3
  and algorithm 1). Its error falls as the square of the step. `L` levels take `L - 1` steps of `run`, of two
  evaluations of the score each; past them the chain stands still. A last level of 0 is
  reached by a step of Euler's method, one evaluation, as in Karras' algorithm 1: there is no score to correct by.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], L >= 2, positive, falling from noise to data, or rising from data to the latents that they come
      from; the last one may be 0.

  Returns:
    A `Sampler` over f32[B, ...] that uses no randomness.

  Raises:
    ValueError: if there are fewer than two levels, or one but the last is not positive.
  """
  return descent(lambda rng, x, here, there: heun_step(score_fn, x, here, there), sigmas, falling=False)


def heun_step(score_fn: LevelScoreFn, x: jax.Array, here: jax.Array, there: jax.Array) -> jax.Array:
  """From x, f32[B, ...], at one level, f32[], to the other: Karras' algorithm 1, lines 4 to 8."""

  def velocity(x, sigma):
    return -sigma * score_at(score_fn, x, sigma)

  v = velocity(x, here)
  euler = x + (there - here) * v
  corrected = lambda: x + (there - here) / 2 * (v + velocity(euler, there))  # noqa: E731
  return lax.cond(there > 0, corrected, lambda: euler)
