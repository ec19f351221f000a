"""Annealed Langevin dynamics: a chain that follows the data through falling noise levels."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.samplers.langevin import LangevinInfo, LangevinState, langevin
from jaxgen.types import PRNGKey, Sampler


class AnnealedState(NamedTuple):
  """`position` is f32[B, ...]; `step`, i32[], counts the steps taken."""

  position: jax.Array
  step: jax.Array


def annealed(
  score_fn: Callable[[jax.Array, jax.Array], jax.Array],
  sigmas: Sequence[float] | jax.Array,
  step_size: float,
  steps_per_level: int,
  *,
  denoise: bool = True,
) -> Sampler:
  """`langevin` at one noise level after the other (Song & Ermon 2019, algorithm 1).

  At level `i` the step is `alpha_i = step_size sigmas[i]^2 / sigmas[-1]^2`; each level is held for
  `steps_per_level` steps. With `denoise` one more step follows, without noise, `x + sigma^2 s(x, sigma)` at
  the last level: the expected clean data (Tweedie's formula; Jolicoeur-Martineau et al. 2021). The whole
  chain is `num_annealed_steps(...)` steps of `run`; past its end it stands still.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling noise levels.
    step_size: epsilon of the algorithm, the step at the last level; see `balanced_step_size`.
    steps_per_level: T of the algorithm.
    denoise: whether a last step removes the noise of the last level.

  Returns:
    A `Sampler` over f32[B, ...].
  """
  sigmas = jnp.asarray(sigmas, jnp.float32)
  num_levels = sigmas.shape[0]
  # The phases after the last level are two more rows: the denoising step, and rest.
  last = sigmas[-1:]
  level_sigma = jnp.concatenate([sigmas, last, last])
  level_step = jnp.concatenate([step_size * (sigmas / last) ** 2, 2 * last**2 * denoise, jnp.zeros(1)])
  temperature = jnp.array([1.0] * num_levels + [0.0, 0.0])

  def init(position):
    return AnnealedState(position, jnp.zeros((), jnp.int32))

  def step(rng: PRNGKey, state: AnnealedState) -> tuple[AnnealedState, LangevinInfo]:
    past = state.step - num_levels * steps_per_level
    row = jnp.where(past < 0, state.step // steps_per_level, num_levels + (past > 0))
    sigma = jnp.broadcast_to(level_sigma[row], state.position.shape[:1])
    kernel = langevin(lambda x: score_fn(x, sigma), level_step[row], temperature[row])
    moved, info = kernel.step(rng, LangevinState(state.position))
    return AnnealedState(moved.position, state.step + 1), info

  return Sampler(init, step)


def num_annealed_steps(num_levels: int, steps_per_level: int, *, denoise: bool = True) -> int:
  """The number of steps of a whole annealed chain."""
  return num_levels * steps_per_level + denoise


def balanced_step_size(sigmas: Sequence[float] | jax.Array, steps_per_level: int) -> float:
  """The `step_size` of `annealed` that carries one level's variance to that of the next.

  Where the data is one point, the chain at `sigma_i` starts with the variance `(r sigma_i)^2` of the level
  before it, `r` the ratio of levels. With `h = step_size / sigma_last^2`, `T` steps leave, in units of
  `sigma_i^2`, `(1 - h/2)^(2T) (r^2 - w) + w` with `w = 1 / (1 - h/4)` (after Song & Ermon 2020, technique
  4). The ideal is 1, out of reach since the discretization's own `w > 1`: this step comes nearest.

  Args:
    sigmas: f32[L], L >= 2, in equal ratios.
    steps_per_level: T of the algorithm.
  """
  sigmas = np.asarray(sigmas, np.float64)
  ratio = sigmas[0] / sigmas[1]
  h = np.geomspace(1e-4, 2.0, 20_000)
  stationary = 1 / (1 - h / 4)
  left = (1 - h / 2) ** (2 * steps_per_level) * (ratio**2 - stationary) + stationary
  return float(h[np.argmin(np.abs(left - 1))] * sigmas[-1] ** 2)
