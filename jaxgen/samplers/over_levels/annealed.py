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
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  step_size: float,
  steps_per_level: int,
  *,
  temperature: float = 1.0,
  denoise: bool = True,
) -> Sampler:
  """`langevin` at one noise level after the other (Song & Ermon 2019, algorithm 1).

  At level `i` the step is `alpha_i = step_size sigmas[i]^2 / sigmas[-1]^2`, of which half goes along the score; each
  level is held for `steps_per_level` steps. With `denoise` one more step follows, without noise,
  `x + sigma^2 s(x, sigma)` at the last level: the expected clean data (Tweedie's formula; Jolicoeur-Martineau et al.
  2021). The whole chain is `num_annealed_steps(...)` steps of `run`; past its end it stands still.

  `ncsnv2` is the same chain in the convention of its paper.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling noise levels.
    step_size: epsilon of the algorithm, the step at the last level; see `balanced`.
    steps_per_level: T of the algorithm.
    temperature: the factor on the variance of the noise, 1 in the algorithm; see `balanced`.
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
  temperatures = jnp.array([temperature] * num_levels + [0.0, 0.0], jnp.float32)

  def init(position):
    return AnnealedState(position, jnp.zeros((), jnp.int32))

  def step(rng: PRNGKey, state: AnnealedState) -> tuple[AnnealedState, LangevinInfo]:
    past = state.step - num_levels * steps_per_level
    row = jnp.where(past < 0, state.step // steps_per_level, num_levels + (past > 0))
    sigma = jnp.broadcast_to(level_sigma[row], state.position.shape[:1])
    kernel = langevin(lambda x: score_fn(x, sigma), level_step[row], temperatures[row])
    moved, info = kernel.step(rng, LangevinState(state.position))
    return AnnealedState(moved.position, state.step + 1), info

  return Sampler(init, step)


def num_annealed_steps(num_levels: int, steps_per_level: int, *, denoise: bool = True) -> int:
  """The number of steps of a whole annealed chain."""
  return num_levels * steps_per_level + denoise


def ncsnv2(
  score_fn: Callable[[jax.Array, jax.Array], jax.Array],
  sigmas: Sequence[float] | jax.Array | np.ndarray,
  epsilon: float,
  steps_per_level: int,
  *,
  temperature: float = 1.0,
) -> Sampler:
  """`annealed` as Song & Ermon 2020, algorithm 1, write it: `x + alpha s + sqrt(2 alpha) z`, and a denoising step.

  `alpha_i = epsilon sigmas[i]^2 / sigmas[-1]^2`, half of the step here. Their pixels are in [0, 1], where epsilon is a
  quarter of that in pixels in [-1, 1]: 6.2e-6 for CIFAR-10 is 2.48e-5 there.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    sigmas: f32[L], falling noise levels.
    epsilon: the step of the algorithm at the last level; see `ncsnv2_epsilon`.
    steps_per_level: T of the algorithm.
    temperature: as of `annealed`, 1 in the algorithm.

  Returns:
    A `Sampler` over f32[B, ...], of `num_annealed_steps(L, steps_per_level)` steps.
  """
  return annealed(score_fn, sigmas, 2 * epsilon, steps_per_level, temperature=temperature)


def ncsnv2_epsilon(sigmas: Sequence[float] | jax.Array | np.ndarray, steps_per_level: int) -> float:
  """The epsilon of `ncsnv2` that fits its levels (Song & Ermon 2020, proposition 3 and technique 4).

  Of data at a point a chain that begins a level as wide as the one before left it, `gamma` times as wide as the level
  says, ends it with a variance that is, in units of the level's,

      (1 - eta)^(2 T) (gamma^2 - 2 / (2 - eta)) + 2 / (2 - eta),  eta = epsilon / sigmas[-1]^2,

  and is always above 1. This is the epsilon that brings it nearest.

  Wider data stay wider than that. Of `N(0, s^2)`, with `t = s^2 + sigma^2`, a step at a level takes the variance to

      V <- (1 - alpha / t)^2 V + 2 alpha,   alpha = eta sigma^2,

  which tends to `t / (1 - alpha / (2 t))`: where sigma is small beside s, to t, but at a rate that falls with
  `sigma^2 / s^2`, so that what the chain lags behind its levels where sigma is about s is never made good. For many
  levels and small steps the lag is `V = t / (1 - r)` with `r = log(gamma) / (T eta)`, at every level and of every s; it
  is none of the stationary state, and the denoising step, at the last level, takes nothing of it. So samples are too
  wide by a factor of about `1 / sqrt(1 - r)`: by 7 % on the published levels for CIFAR-10, and by 17 % on those of
  `ncsn_digits`, which are few, as technique 2 asks for in 64 dimensions. More steps help slowly (12 % for T = 10, 6 %
  for 100); `balanced` mends it at no cost.

  Args:
    sigmas: f32[L], L >= 2, falling; of levels that are not geometric, gamma is the mean of their ratios.
    steps_per_level: T of the algorithm.
  """
  first, last = float(sigmas[0]), float(sigmas[-1])
  gamma = (first / last) ** (1 / (len(sigmas) - 1))
  eta = np.geomspace(1e-6, 1.0, 10_000)
  rest = 2 / (2 - eta)
  variance = (1 - eta) ** (2 * steps_per_level) * (gamma**2 - rest) + rest
  return float(eta[np.argmin(variance)] * last**2)


class Balance(NamedTuple):
  """What `balanced` finds, for the arguments of `annealed` of these names."""

  step_size: float
  temperature: float


def balanced(
  sigmas: Sequence[float] | jax.Array | np.ndarray, steps_per_level: int, data_std: float
) -> Balance:
  """The step and the temperature of `annealed` that leave data as wide as they are.

  For Gaussian data of standard deviation `s`, whose score at `sigma` is `-x / t` with `t = s^2 + sigma^2`, a step
  of `alpha` takes the chain's variance to

      V <- (1 - alpha / (2 t))^2 V + temperature alpha

  from `V = sigmas[0]^2` on. At a temperature of 1 the last V is above t: where `s` is small since the steps are not
  (Song & Ermon 2020, technique 4, who look at `s = 0` alone), where it is large since the chain lags behind the
  falling levels. This is the step at which the last V is too large by one factor for a point, `s = 0`, and for
  `s = data_std`, or nearly so for too few steps, and the temperature that takes the factor away.

  Args:
    sigmas: f32[L], L >= 2, falling.
    steps_per_level: T of the algorithm.
    data_std: of the data, over all their elements.

  Raises:
    ValueError: if `data_std` is not positive.
  """
  if not data_std > 0:
    raise ValueError(f'data_std is a standard deviation and must be positive, not {data_std}.')
  sigmas = np.asarray(sigmas, np.float64)
  h = np.geomspace(1e-3, 2.0, 4000)  # alpha / sigma^2; twice as much would diverge
  kept, added = _last_variance(sigmas, steps_per_level, np.array([[0.0], [data_std]]), h)
  temperature = np.clip((1 - kept[1]) / added[1], 1e-3, 1)
  error = np.abs(np.log(kept + temperature * added)).max(0)
  best = int(np.argmin(error))
  return Balance(float(h[best] * sigmas[-1] ** 2), float(temperature[best]))


def _last_variance(sigmas, steps_per_level, std, h):
  """What is left of the first variance, and what noise of temperature 1 adds, in units of the blurred data's."""
  kept, added = np.full(np.broadcast_shapes(std.shape, h.shape), sigmas[0] ** 2), 0.0
  for sigma in np.repeat(sigmas, steps_per_level):
    shrink = (1 - h * sigma**2 / (2 * (std**2 + sigma**2))) ** 2
    kept, added = shrink * kept, shrink * added + h * sigma**2
  blurred = std**2 + sigmas[-1] ** 2
  return kept / blurred, added / blurred
