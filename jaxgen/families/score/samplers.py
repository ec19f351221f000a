"""The samplers of a score model, each with its settings: the ways from noise to data that a config names."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np

from jaxgen.families.score.path import Path
from jaxgen.families.score.way import Way, over_levels
from jaxgen.samplers.langevin import langevin
from jaxgen.samplers.over_levels.annealed import (
  Balance,
  annealed,
  balanced,
  ncsnv2,
  ncsnv2_epsilon,
  num_annealed_steps,
)
from jaxgen.samplers.over_levels.ddim import ddim
from jaxgen.samplers.over_levels.ddpm import ddpm
from jaxgen.samplers.over_levels.dpm_solver import dpm_solver
from jaxgen.samplers.over_levels.edm import check_churn, edm
from jaxgen.samplers.over_levels.euler import euler
from jaxgen.samplers.over_levels.euler_maruyama import euler_maruyama
from jaxgen.samplers.over_levels.heun import heun
from jaxgen.samplers.over_levels.predictor_corrector import predictor_corrector
from jaxgen.samplers.underdamped import underdamped
from jaxgen.types import Sampler

# What `data_std` of `jaxgen.samplers.ddpm` is for the two variances of Ho et al. 2020, section 3.2.
_VARIANCES = {'small': 0.0, 'large': 1.0}


def annealed_way(
  path: Path,
  data_std: float,
  *,
  steps_per_level: int,
  step_size: float,
  denoise: bool,
  temperature: float = 1.0,
) -> Way:
  """`jaxgen.samplers.annealed` over the levels of the path; a `step_size` of 0 stands for `balanced`.

  The knob 'temperature' is a factor on the variance of the noise beside that of `balanced`.
  """
  sigmas = path.sigmas
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
    'annealed Langevin steps',
    sampler,
    count,
    count,
    description,
    sigmas=_held(sigmas, steps_per_level, count),
    start=float(sigmas[0]),
    uses_noise=True,
    knobs={'temperature': temperature},
    turned=partial(
      annealed_way,
      path,
      data_std,
      steps_per_level=steps_per_level,
      step_size=step_size,
      denoise=denoise,
    ),
  )


def ncsnv2_way(
  path: Path, data_std: float, *, steps_per_level: int, epsilon: float, temperature: float = 1.0
) -> Way:
  """`jaxgen.samplers.ncsnv2` over the levels of the path: the paper's own step, where `annealed_way` balances it.

  An `epsilon` of 0 stands for `ncsnv2_epsilon`. The knob is 'temperature'.
  """
  epsilon = epsilon or ncsnv2_epsilon(path.sigmas, steps_per_level)
  count = num_annealed_steps(len(path.sigmas), steps_per_level)
  return Way(
    'annealed Langevin steps of NCSNv2',
    lambda score_fn: ncsnv2(score_fn, path.sigmas, epsilon, steps_per_level, temperature=temperature),
    count,
    count,
    f'Langevin steps of epsilon {epsilon:.3g}, {steps_per_level} at each level',
    sigmas=_held(path.sigmas, steps_per_level, count),
    start=float(path.sigmas[0]),
    uses_noise=True,
    knobs={'temperature': temperature},
    turned=partial(ncsnv2_way, path, data_std, steps_per_level=steps_per_level, epsilon=epsilon),
  )


def at_smallest_noise(kernel: Callable[..., Sampler], words: str) -> Callable[..., Way]:
  """A constructor of ways that are chains on one density, that of the smallest noise, from points as wide as the data.

  Modes that lie apart keep what started near them (Song & Ermon 2019, section 3.2): what the other ways are for. The
  knobs are 'steps' and 'temperature'.

  Args:
    kernel: `(score_fn, step_size, temperature=, **settings) -> Sampler`, of a score without noise levels.
    words: what the steps are.

  Returns:
    `(path, data_std, *, num_steps, step_size, **settings) -> Way`.
  """

  def way(
    path: Path,
    data_std: float,
    *,
    num_steps: int,
    step_size: float,
    temperature: float = 1.0,
    **settings: float,
  ) -> Way:
    smallest = path.sigmas[-1]

    def sampler(score_fn):
      at_smallest = lambda x: score_fn(x, jnp.broadcast_to(smallest, x.shape[:1]))  # noqa: E731
      return kernel(at_smallest, step_size, temperature=temperature, **settings)

    def turned(steps: float = num_steps, temperature: float = temperature) -> Way:
      return way(
        path, data_std, num_steps=int(steps), step_size=step_size, temperature=temperature, **settings
      )

    return Way(
      words,
      sampler,
      num_steps,
      num_steps,
      f'{num_steps} {words} of {step_size:.3g} at the smallest noise',
      sigmas=np.full(num_steps, smallest),
      start=data_std,
      uses_noise=True,
      knobs={'steps': num_steps, 'temperature': temperature},
      turned=turned,
    )

  return way


def _check_churn(path, levels, churn, churn_min, churn_max, **settings):
  """Churn asks for more noise than there is in the chain, but not for more than in training."""
  check_churn(churn, churn_min, churn_max)
  factor, end = 1 + min(churn / (len(levels) - 1), np.sqrt(2) - 1), path.sigmas[0]
  raised = levels[(churn_min <= levels) & (levels <= churn_max)]
  if factor * raised.max(initial=0.0) > 1.0001 * end:
    raise ValueError(
      f'with churn it asks for more noise than {end:.3g}, where training ends; let churn_max be at most '
      f'{end / factor:.3g}.'
    )


def _held(sigmas, steps_per_level, count):
  return np.repeat([*sigmas, sigmas[-1]], steps_per_level)[:count]


def _once(num_steps, **settings):
  return num_steps


def _never(**settings):
  return False


def _twice_but_the_last(num_steps, **settings):
  return 2 * num_steps - 1


# `(path, data_std, **settings) -> Way`; the settings of each are a section of `config.sampler`.
# Few steps of Heun leave samples too wide: with the exact score of Gaussian data as wide as a config says, by 4.5 % in
# the 10 steps of `ncsn_digits`, by 2.6 % and 4.7 % in the 18 of `ncsn_mnist` and `ncsn_cifar`, and by 0.9 % in 18 of
# `ncsn_digits`. The annealed way, `balanced`, stays within 2 %, for five times as many evaluations and more.
WAYS: dict[str, Callable[..., Way]] = {
  'annealed': annealed_way,
  'ncsnv2': ncsnv2_way,
  'langevin': at_smallest_noise(langevin, 'Langevin steps'),
  'underdamped': at_smallest_noise(underdamped, 'underdamped steps'),
  'predictor_corrector': over_levels(
    lambda score_fn, levels, **settings: predictor_corrector(score_fn, levels[:-1], **settings),
    'levels of predictor and corrector',
    lambda num_steps, corrector_steps, **settings: (num_steps - 1) * (1 + corrector_steps) + 1,
  ),
  'euler_maruyama': over_levels(euler_maruyama, 'steps of Euler-Maruyama', _once),
  'ddpm': over_levels(
    lambda score_fn, levels, variance: ddpm(score_fn, levels, _VARIANCES[variance]), 'ancestral steps', _once
  ),
  'ddim': over_levels(ddim, 'steps of DDIM', _once, uses_noise=lambda eta: eta > 0),
  'euler': over_levels(euler, 'steps of Euler', _once, uses_noise=_never),
  'heun': over_levels(heun, 'steps of Heun', _twice_but_the_last, uses_noise=_never),
  'edm': over_levels(
    edm, 'steps of EDM', _twice_but_the_last, _check_churn, uses_noise=lambda churn, **settings: churn > 0
  ),
  'dpm_solver': over_levels(dpm_solver, 'steps of DPM-Solver++ (2M)', _once, uses_noise=_never),
}
