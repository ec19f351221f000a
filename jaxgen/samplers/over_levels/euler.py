"""Euler's method on the probability-flow ODE."""

from collections.abc import Sequence

import jax
import numpy as np

from jaxgen.samplers.over_levels._descent import LevelScoreFn, descent, score_at
from jaxgen.types import Sampler


def euler(score_fn: LevelScoreFn, sigmas: Sequence[float] | jax.Array | np.ndarray) -> Sampler:
  """`x' = x - (sigma' - sigma) sigma s(x, sigma)`: Euler's method on `dx / d sigma = -sigma s(x, sigma)`.

  The ODE carries the data blurred by one level to the data blurred by another, as the variance-exploding diffusion
  does, without its noise (Song et al. 2021, equation 13). With the expected clean data `D = x + sigma^2 s(x, sigma)`
  the step is

      x' = D + (sigma' / sigma) (x - D),

  which is DDIM's without noise, in whatever scale a model sees its data (Song, Meng & Ermon 2021, equation 13), and
  Euler's step of a rectified flow in its own time, `sigma = t / (1 - t)` (Liu et al. 2023, section 2.1).
  Its error falls as the step. `L` levels take `L - 1` steps of `run`, of one evaluation each; past them the chain
  stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], L >= 2, positive, falling from noise to data, or rising; the last one may be 0.

  Returns:
    A `Sampler` over f32[B, ...] that uses no randomness.

  Raises:
    ValueError: if there are fewer than two levels, or one but the last is not positive.
  """

  def move(rng, x, here, there):
    del rng
    return x - (there - here) * here * score_at(score_fn, x, here)

  return descent(move, sigmas, falling=False)
