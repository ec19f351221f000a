"""How a score model draws its samples: each way from noise to data, with its settings and what it costs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers.annealed import Balance, annealed, balanced, num_annealed_steps
from jaxgen.samplers.heun import heun
from jaxgen.samplers.levels import karras_levels
from jaxgen.samplers.predictor_corrector import predictor_corrector
from jaxgen.types import Sampler


class Way(NamedTuple):
  """From `N(0, sigmas[0]^2 I)` to data.

  Attributes:
    sampler: of the score, `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`.
    num_steps: of `jaxgen.samplers.run`.
    evaluations: of the score, for one sample.
    description: with the settings, for people.
    sigmas: f32[num_steps], the noise of the chain before each step.
    knobs: what may be turned, with what it is: 'steps', 'temperature'.
    turned: `(**knobs) -> Way`, with some of them turned.
  """

  sampler: Callable[[Callable[[jax.Array, jax.Array], jax.Array]], Sampler]
  num_steps: int
  evaluations: int
  description: str
  sigmas: np.ndarray
  knobs: Mapping[str, float]
  turned: Callable[..., 'Way']


def annealed_way(
  sigmas: Sequence[float],
  data_std: float,
  *,
  steps_per_level: int,
  step_size: float,
  denoise: bool,
  temperature: float = 1.0,
) -> Way:
  """`jaxgen.samplers.annealed` over the levels of training; a `step_size` of 0 stands for `balanced`.

  The knob 'temperature' is a factor on the variance of the noise beside that of `balanced`.
  """
  step = Balance(step_size, 1.0) if step_size else balanced(sigmas, steps_per_level, data_std)
  count = num_annealed_steps(len(sigmas), steps_per_level, denoise=denoise)

  def sampler(score_fn):
    return annealed(
      score_fn,
      sigmas,
      step.step_size,
      steps_per_level,
      temperature=temperature * step.temperature,
      denoise=denoise,
    )

  description = f'Langevin steps of {step.step_size:.3g} at a temperature of {step.temperature:.3g}'
  return Way(
    sampler,
    count,
    count,
    description,
    sigmas=np.repeat([*sigmas, sigmas[-1]], steps_per_level)[:count],
    knobs={'temperature': temperature},
    turned=partial(
      annealed_way,
      sigmas,
      data_std,
      steps_per_level=steps_per_level,
      step_size=step_size,
      denoise=denoise,
    ),
  )


def predictor_corrector_way(
  sigmas: Sequence[float] | np.ndarray,
  data_std: float,
  *,
  num_levels: int,
  signal_to_noise: float,
  corrector_steps: int,
) -> Way:
  """`jaxgen.samplers.predictor_corrector` over as many geometric levels as are asked for, the knob 'steps'."""
  levels = geometric_sigmas(sigmas[0], sigmas[-1], num_levels)
  return Way(
    lambda score_fn: predictor_corrector(score_fn, levels, signal_to_noise, corrector_steps),
    num_levels,
    (num_levels - 1) * (1 + corrector_steps) + 1,
    f'{num_levels} levels of predictor and {corrector_steps} corrector steps',
    sigmas=np.asarray(levels),
    knobs={'steps': num_levels},
    turned=lambda steps=num_levels: predictor_corrector_way(
      sigmas,
      data_std,
      num_levels=int(steps),
      signal_to_noise=signal_to_noise,
      corrector_steps=corrector_steps,
    ),
  )


def probability_flow_way(sigmas: Sequence[float], data_std: float, *, num_steps: int, rho: float) -> Way:
  """`jaxgen.samplers.heun` to sigma 0, in the steps of Karras et al. 2022, equation 5.

  `sigma_i^(1 / rho)` falls evenly from the largest to the smallest level; the last step goes on to 0. Few steps leave
  samples too wide: with the exact score of Gaussian data as wide as a config says, by 4.5 % in the 10 steps of
  `ncsn_digits`, by 2.6 % and 4.7 % in the 18 of `ncsn_mnist` and `ncsn_cifar`, and by 0.9 % in 18 of `ncsn_digits`.
  The annealed way, `balanced`, stays within 2 %, for five times as many evaluations and more.

  The knob 'steps' is their number.
  """
  levels = karras_levels(float(sigmas[0]), float(sigmas[-1]), num_steps, rho)
  return Way(
    lambda score_fn: heun(score_fn, levels),
    num_steps,
    2 * num_steps - 1,
    f'{num_steps} steps of the probability flow',
    sigmas=levels[:-1],
    knobs={'steps': num_steps},
    turned=lambda steps=num_steps: probability_flow_way(sigmas, data_std, num_steps=int(steps), rho=rho),
  )


# `(sigmas, data_std, **settings) -> Way`; the settings of each are a section of `config.model.sampler`
WAYS: dict[str, Callable[..., Way]] = {
  'annealed': annealed_way,
  'predictor_corrector': predictor_corrector_way,
  'probability_flow': probability_flow_way,
}
