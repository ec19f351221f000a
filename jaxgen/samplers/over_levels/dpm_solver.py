"""DPM-Solver++: the probability-flow ODE with the straight part of its solution taken exactly."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.over_levels._descent import LevelInfo, LevelScoreFn, checked_levels, denoised, interval
from jaxgen.types import PRNGKey, Sampler


class DPMSolverState(NamedTuple):
  """`position` is f32[B, ...] and `step`, i32[], counts the steps taken.

  `clean`, f32[B, ...], is the expected clean data of step number `clean_step`, i32[].
  """

  position: jax.Array
  step: jax.Array
  clean: jax.Array
  clean_step: jax.Array


def dpm_solver(score_fn: LevelScoreFn, sigmas: Sequence[float] | jax.Array | np.ndarray) -> Sampler:
  """DPM-Solver++(2M), two steps' memory for one evaluation (Lu et al. 2022b, algorithm 2).

  In units of noise relative to the data `lambda = -log sigma`. From `sigma_i` to `sigma_{i+1}`, with
  `h_i = lambda_{i+1} - lambda_i`, `r = h_{i-1} / h_i` and the expected clean data `D_i = x + sigma_i^2 s(x, sigma_i)`,

      x' = (sigma_{i+1} / sigma_i) x + (1 - sigma_{i+1} / sigma_i) ((1 + 1 / (2 r)) D_i - D_{i-1} / (2 r)).

  The first step, and one to 0, for which `h` has no bound, take `D_i` alone: that is `euler`. The error falls as the
  square of the step. `L` levels take `L - 1` steps of `run`, of one evaluation each; past them the chain stands
  still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], L >= 2, positive, falling; the last one may be 0.

  Returns:
    A `Sampler` over f32[B, ...] that uses no randomness.

  Raises:
    ValueError: if there are fewer than two levels, one but the last is not positive, or they do not fall.
  """
  levels = checked_levels(sigmas)

  def init(position):
    never = jnp.full((), -2, jnp.int32)
    return DPMSolverState(position, jnp.zeros((), jnp.int32), jnp.zeros_like(position), never)

  def step(rng: PRNGKey, state: DPMSolverState) -> tuple[DPMSolverState, LevelInfo]:
    del rng
    x, (here, there) = state.position, interval(levels, state.step)
    clean = denoised(score_fn, x, here)
    before = levels[jnp.maximum(state.step - 1, 0)]
    # Completion may have moved a chain back to a higher level: what it remembers is then of no use.
    remembers = (state.clean_step == state.step - 1) & (there > 0)
    slope = jnp.where(remembers, jnp.log(here / there) / (2 * jnp.log(before / here)), 0.0)  # 1 / (2 r)
    target = clean + slope * (clean - state.clean)
    moved = jnp.where(state.step < len(levels) - 1, target + there / here * (x - target), x)
    return DPMSolverState(moved, state.step + 1, clean, state.step), LevelInfo(there)

  return Sampler(init, step)
