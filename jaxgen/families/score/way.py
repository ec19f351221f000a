"""What takes a score model from noise to data: a sampler with its levels, its cost and what may be turned of it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.families.score.path import Path
from jaxgen.samplers.guidance import at_temperature
from jaxgen.samplers.over_levels.levels import karras_levels
from jaxgen.types import Sampler

_LESS, _MORE = 0.999, 1.001  # float32 has an end of a path not to the last digit
_TIMES = 1000

ScoreFn = Callable[[jax.Array, jax.Array], jax.Array]  # (x f32[B, ...], sigma f32[B]) -> f32[B, ...]


class Way(NamedTuple):
  """From `N(0, start^2 I)` to data.

  Attributes:
    name: what its steps are: 'steps of Heun'.
    sampler: of the score.
    num_steps: of `jaxgen.samplers.run`.
    evaluations: of the score, for one sample.
    description: with the settings, for people.
    sigmas: f32[num_steps], the noise of the chain before each step.
    start: the standard deviation of what it starts from.
    uses_noise: whether noise is added on the way; without any, what it starts from decides where it ends.
    knobs: what may be turned, with what it is: 'steps', 'temperature'.
    turned: `(**knobs) -> Way`, with some of them turned.
  """

  name: str
  sampler: Callable[[ScoreFn], Sampler]
  num_steps: int
  evaluations: int
  description: str
  sigmas: np.ndarray
  start: float
  uses_noise: bool
  knobs: Mapping[str, float]
  turned: Callable[..., 'Way']


def over_levels(
  kernel: Callable[..., Sampler],
  words: str,
  evaluations: Callable[..., int],
  check: Callable[..., None] = lambda path, levels, **settings: None,
  uses_noise: Callable[..., bool] = lambda **settings: True,
) -> Callable[..., Way]:
  """A constructor of ways over falling levels of which the last is 0, one step from each to the next.

  Its settings are `num_steps`, `rho`, `sigma_max`, `sigma_min` and those of the kernel. The levels fall as Karras et
  al. 2022, equation 5, with this rho, or with 0 evenly in the time of the path, from `sigma_max` to `sigma_min`, of
  which 0 stands for the end of the path. From a smaller noise than its largest it starts as wide as data around 0 are
  under it, `sqrt(sigma_max^2 + data_std^2)`. The knobs are 'steps', their number, and 'temperature', see
  `jaxgen.samplers.at_temperature`: all settings mean the same at each.

  Args:
    kernel: `(score_fn, levels f64[num_steps + 1], **settings) -> Sampler`.
    words: what the steps are: 'steps of Heun'.
    evaluations: `(num_steps, **settings) -> int`.
    check: `(path, levels, **settings)`, raises a `ValueError` if they do not fit.
    uses_noise: `(**settings) -> bool`.

  Returns:
    `(path, data_std, *, num_steps, rho, **settings) -> Way`, which raises a `ValueError` for a noise that is none of
    the path.
  """

  def way(
    path: Path,
    data_std: float,
    *,
    num_steps: int,
    rho: float,
    sigma_max: float = 0.0,
    sigma_min: float = 0.0,
    temperature: float = 1.0,
    **settings: Any,
  ) -> Way:
    levels = _falling(path, num_steps, rho, _ends(path, sigma_max, sigma_min))
    check(path, levels, **settings)
    reached = np.sqrt(temperature) * levels
    # The noise that a path ends with drowns the data; to a smaller one they add as much as they are wide.
    width = np.hypot(levels[0], data_std) if levels[0] < _LESS * path.sigmas[0] else levels[0]

    def turned(steps: float = num_steps, temperature: float = temperature) -> Way:
      return way(
        path,
        data_std,
        num_steps=int(steps),
        rho=rho,
        sigma_max=sigma_max,
        sigma_min=sigma_min,
        temperature=temperature,
        **settings,
      )

    def sampler(score_fn):
      return at_temperature(lambda score_fn: kernel(score_fn, levels, **settings), score_fn, temperature)

    return Way(
      words,
      sampler,
      num_steps,
      evaluations(num_steps, **settings),
      f'{num_steps} {words}',
      sigmas=reached[:-1],
      start=float(np.sqrt(temperature) * width),
      uses_noise=uses_noise(**settings),
      knobs={'steps': num_steps, 'temperature': temperature},
      turned=turned,
    )

  return way


def _ends(path, sigma_max, sigma_min):
  """Where a way begins and where its last step does."""
  trained = float(path.sigmas[0]), float(path.sigmas[-1])
  first, last = sigma_max or trained[0], sigma_min or trained[1]
  if not trained[1] * _LESS <= last < first <= trained[0] * _MORE:
    raise ValueError(
      f'it would go from a noise of {first:.4g} to one of {last:.4g}, and the score is trained from {trained[0]:.4g} '
      f'to {trained[1]:.4g}; let sigma_max and sigma_min lie between these, or leave them at 0.'
    )
  return first, last


def _falling(path, num_steps, rho, ends):
  largest, smallest = ends
  if rho:
    return karras_levels(largest, smallest, num_steps, rho)
  if ends == (path.sigmas[0], path.sigmas[-1]):
    return np.append(path.spaced(num_steps), 0.0)
  logs = np.log(path.spaced(_TIMES))  # so many even times, between which those of the ends are found
  first, last = np.interp(-np.log(ends), -logs, np.arange(_TIMES))
  return np.append(np.exp(np.interp(np.linspace(first, last, num_steps), np.arange(_TIMES), logs)), 0.0)
