"""How data become noise: the paths that a config names, by the levels of their training."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.families.score import frames
from jaxgen.families.score.path import Path, continuous, discrete, log_normal, of_times
from jaxgen.losses.score import geometric_sigmas


def variance_exploding(sigmas: Sequence[float] | jax.Array | np.ndarray) -> Path:
  """`x + sigma e` at levels drawn uniformly (Song & Ermon 2019; see `jaxgen.losses.score.geometric_sigmas`).

  Raises:
    ValueError: if there are fewer than two levels, they do not fall or are not positive.
  """
  return discrete(sigmas, frames.exploding(), '')


def variance_preserving(sigmas: Sequence[float] | jax.Array | np.ndarray) -> Path:
  """`(x + sigma e) / sqrt(1 + sigma^2)` at levels drawn uniformly (Ho et al. 2020, equation 4).

  Their `alpha_bar` is `1 / (1 + sigma^2)`; `linear_sigmas` and `cosine_sigmas` are the levels of two schedules.

  Raises:
    ValueError: as `variance_exploding`.
  """
  return discrete(sigmas, frames.preserving(), 'variance preserved, ')


def linear_sigmas(num_levels: int = 1000, first: float = 1e-4, last: float = 0.02) -> np.ndarray:
  """The levels of a schedule whose `beta` rises linearly (Ho et al. 2020, section 4), f32[num_levels], falling.

  `alpha_bar_t = prod_{s <= t} (1 - beta_s)` and `sigma_t^2 = 1 / alpha_bar_t - 1`.

  Raises:
    ValueError: if a beta is 1 or more, which leaves nothing of the data.
  """
  if not 0 < first <= last < 1:
    raise ValueError(
      f'betas must rise within (0, 1), and go from {first:.3g} to {last:.3g}: give more levels, or less beta.'
    )
  return _sigmas(np.linspace(first, last, num_levels))


def cosine_sigmas(num_levels: int = 1000, offset: float = 0.008) -> np.ndarray:
  """The levels of the cosine schedule (Nichol & Dhariwal 2021, equation 17), f32[num_levels], falling.

  `alpha_bar_t = f(t) / f(0)`, `f(t) = cos^2((t / T + offset) / (1 + offset) pi / 2)`; betas are at most 0.999.
  """
  f = np.cos((np.linspace(0, 1, num_levels + 1) + offset) / (1 + offset) * np.pi / 2) ** 2
  return _sigmas(np.minimum(1 - f[1:] / f[:-1], 0.999))


def exploding(sigma_max: float, sigma_min: float, num_levels: int = 0) -> Path:
  """`x + sigma e` at geometric levels, or where there are none at continuous times, log sigma being uniform.

  Song & Ermon 2019, section 4.1; Song et al. 2021, equation 30.

  Raises:
    ValueError: unless `sigma_max > sigma_min > 0`, or for levels that float32 cannot hold.
  """
  if num_levels:
    return variance_exploding(np.asarray(geometric_sigmas(sigma_max, sigma_min, num_levels)))
  if not sigma_max > sigma_min > 0:
    raise ValueError(
      f'noise levels need sigma_max > sigma_min > 0, not sigma_max={sigma_max}, sigma_min={sigma_min}.'
    )
  reach = np.log(sigma_max / sigma_min)
  return continuous(
    lambda t: sigma_min * jnp.exp(reach * t),
    lambda sigma: jnp.full_like(sigma, reach),
    (0.0, 1.0),
    frames.exploding(),
    '',
  )


def preserving(
  beta_min: float = 0.1, beta_max: float = 20.0, num_levels: int = 0, start: float = 1e-5, end: float = 1.0
) -> Path:
  """Variance preserved, beta rising linearly: at levels, or where there are none at continuous times.

  `alpha_bar(t) = exp(-B(t))`, `B(t) = beta_min t + (beta_max - beta_min) t^2 / 2` (Song et al. 2021, equation 33). At T
  levels their betas are a T-th of these, with 1,000 those of Ho et al. 2020.

  Args:
    beta_min: at time 0.
    beta_max: at time 1.
    num_levels: T; 0 for continuous times.
    start: of continuous times; at 0 there is no noise.
    end: of continuous times.

  Raises:
    ValueError: if the path has no end.
  """
  if num_levels:
    return variance_preserving(linear_sigmas(num_levels, beta_min / num_levels, beta_max / num_levels))
  sigma_at = lambda t: jnp.sqrt(jnp.expm1(_total_beta(t, beta_min, beta_max)))  # noqa: E731

  def rate(sigma):
    beta = _beta(jnp.log1p(sigma**2), beta_min, beta_max)
    return beta * (1 + sigma**2) / (2 * sigma**2)

  return continuous(sigma_at, rate, (start, end), frames.preserving(), 'variance preserved, ')


def cosine(offset: float = 0.008, num_levels: int = 0, start: float = 1e-3, end: float = 0.9946) -> Path:
  """Variance preserved by the cosine schedule: at the levels of `cosine_sigmas`, or at continuous times.

  There the path has no end at time 1 and is cut before, where `alpha_bar` is 7e-5.

  Args:
    offset: s of the schedule.
    num_levels: T; 0 for continuous times.
    start: of continuous times.
    end: of continuous times.

  Raises:
    ValueError: if the path has no end.
  """
  if num_levels:
    return variance_preserving(cosine_sigmas(num_levels, offset))
  turn = np.pi / 2 / (1 + offset)  # of the angle, in one unit of time
  first = np.cos(turn * offset)

  def sigma_at(t):
    # 1 / alpha_bar - 1 without the difference of near numbers that it is at early times
    angle = turn * (t + offset)
    return jnp.sqrt(jnp.sin(turn * t) * jnp.sin(turn * t + 2 * turn * offset)) / jnp.cos(angle)

  def rate(sigma):
    angle = jnp.arccos(first / jnp.sqrt(1 + sigma**2))
    return turn * jnp.tan(angle) * (1 + sigma**2) / sigma**2

  return continuous(sigma_at, rate, (start, end), frames.preserving(), 'variance preserved by a cosine, ')


def sub_preserving(
  beta_min: float = 0.1, beta_max: float = 20.0, start: float = 1e-3, end: float = 1.0
) -> Path:
  """The sub-VP path at continuous times, betas as of `preserving` (Song et al. 2021, equation 29).

  `alpha_bar = exp(-B)` gives `sigma = (1 - alpha_bar) / sqrt(alpha_bar) = 2 sinh(B / 2)`.

  Args:
    beta_min: at time 0.
    beta_max: at time 1.
    start: of time; at 0 there is no noise.
    end: of time.

  Raises:
    ValueError: if the path has no end.
  """

  def rate(sigma):
    half = jnp.arcsinh(sigma / 2)
    return _beta(2 * half, beta_min, beta_max) / (2 * jnp.tanh(half))

  sigma_at = lambda t: 2 * jnp.sinh(_total_beta(t, beta_min, beta_max) / 2)  # noqa: E731
  return continuous(sigma_at, rate, (start, end), frames.sub_preserving(), 'sub-VP, ')


def edm(
  mean: float = -1.2, std: float = 1.2, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0
) -> Path:
  """`x + sigma e` with `log sigma ~ N(mean, std^2)`, cut at both ends (Karras et al. 2022, table 1).

  Its time is that of their sampler, `sigma^(1 / rho)`.

  Raises:
    ValueError: if the path has no end.
  """
  draw, density = log_normal(mean, std, sigma_min, sigma_max)

  def spaced(num):
    return np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), num) ** rho

  return of_times(f'log sigma ~ N({mean:g}, {std:g}^2)', draw, density, spaced, frames.exploding())


def rectified_flow(
  times: str = 'uniform', mean: float = 0.0, std: float = 1.0, start: float = 1e-3, end: float = 0.999
) -> Path:
  """`(1 - t) x + t e`, `sigma = t / (1 - t)`, cut before both ends (Liu et al. 2023; Lipman et al. 2023).

  Args:
    times: how t is drawn in training: 'uniform', or 'logit_normal', with `logit t = log sigma ~ N(mean, std^2)` (Esser
      et al. 2024, equation 19).
    mean: of the logit.
    std: of the logit.
    start: of time; at 0 there is no noise.
    end: of time; at 1 there are no data, and the relative noise has no end.

  Raises:
    ValueError: if the path has no end.
  """
  sigma_at = lambda t: t / (1 - t)  # noqa: E731
  rate = lambda sigma: (1 + sigma) ** 2 / sigma  # noqa: E731
  path = continuous(sigma_at, rate, (start, end), frames.straight(), 'straight, ')
  if times == 'uniform':
    return path
  draw, density = log_normal(mean, std, float(path.sigmas[-1]), float(path.sigmas[0]))
  return path._replace(
    description=f'logit t ~ N({mean:g}, {std:g}^2), {path.description}', draw=draw, density=density
  )


# `(**settings) -> Path`; the settings of each are a section of `config.model.path`
PATHS: dict[str, Callable[..., Path]] = {
  'variance_exploding': exploding,
  'variance_preserving': preserving,
  'cosine': cosine,
  'sub_variance_preserving': sub_preserving,
  'edm': edm,
  'rectified_flow': rectified_flow,
}


def _total_beta(t, beta_min, beta_max):
  return beta_min * t + (beta_max - beta_min) * t**2 / 2


def _beta(total, beta_min, beta_max):
  """Where so much has been added up."""
  return jnp.sqrt(beta_min**2 + 2 * (beta_max - beta_min) * total)


def _sigmas(betas):
  return np.sqrt(1 / np.cumprod(1 - betas) - 1)[::-1].astype(np.float32)
