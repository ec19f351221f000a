"""A path from data to noise, and how one is made of its times or of its levels."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from jaxgen.families.score.frames import Frame
from jaxgen.types import PRNGKey

_LEVELS = 100  # that stand for a path of continuous time
_LEAST, _MOST = 1e-6, 1e6  # beyond, x + sigma e is x alone, or noise alone, in float32
_LEAST_MASS = 0.05


class Path(NamedTuple):
  """From data to noise, `x_t = scale(sigma) (x + sigma e)` with `e ~ N(0, I)` (Karras et al. 2022, table 1).

  Whatever the scale, sigma is the noise relative to the data, so that a score is always that of `x + sigma e` and every
  sampler of `jaxgen.samplers` can be run on it. Times of a path are its noise levels.

  Attributes:
    description: for the objective.
    sigmas: f32[L], falling: the levels of training, or of a path of continuous time some of them, its ends among them.
    draw: `(rng, num) -> sigma f32[num]`, the levels of training.
    frame: the scale, and what a velocity is.
    density: `sigma f32[B] -> f32[B]`, of log sigma as it is drawn.
    spaced: `num -> f64[num]`, falling levels, evenly in the time of the path, from its end to its start.
    is_discrete: whether there are no levels but `sigmas`.
  """

  description: str
  sigmas: np.ndarray
  draw: Callable[[PRNGKey, int], jax.Array]
  frame: Frame
  density: Callable[[jax.Array], jax.Array]
  spaced: Callable[[int], np.ndarray]
  is_discrete: bool

  @property
  def scale(self) -> Callable[[jax.Array], jax.Array]:
    """`sigma f32[B] -> f32[B]`."""
    return self.frame.scale


def continuous(
  sigma_at: Callable[[jax.Array], jax.Array],
  rate: Callable[[jax.Array], jax.Array],
  ends: tuple[float, float],
  frame: Frame,
  words: str,
) -> Path:
  """A path of times that are drawn uniformly.

  Args:
    sigma_at: `t -> sigma`, rising.
    rate: `sigma -> d log sigma / dt`.
    ends: the first and the last time.
    frame: of the path.
    words: what it is, or nothing.

  Raises:
    ValueError: if it has no end that float32 can hold.
  """
  start, end = ends

  def draw(rng, num):
    return sigma_at(jax.random.uniform(rng, (num,), minval=start, maxval=end))

  def spaced(num):
    with jax.ensure_compile_time_eval():  # in a compiled program too
      return np.asarray(sigma_at(jnp.linspace(end, start, num)), np.float64)

  return of_times(f'{words}continuous times', draw, lambda s: 1 / ((end - start) * rate(s)), spaced, frame)


def of_times(
  words: str,
  draw: Callable[[PRNGKey, int], jax.Array],
  density: Callable[[jax.Array], jax.Array],
  spaced: Callable[[int], np.ndarray],
  frame: Frame,
) -> Path:
  """A path of times that are drawn in any way; `Path` says what the arguments are.

  Raises:
    ValueError: as `continuous`.
  """
  sigmas = spaced(_LEVELS).astype(np.float32)
  _check_ends(sigmas)
  words = f'{words}, sigma {sigmas[0]:.3g} to {sigmas[-1]:.3g}'
  return Path(words, sigmas, draw, frame, density, spaced, is_discrete=False)


def discrete(sigmas: Sequence[float] | jax.Array | np.ndarray, frame: Frame, words: str) -> Path:
  """A path of levels that are drawn uniformly, f32[L], L >= 2, falling; levels between them are of its ways alone.

  Raises:
    ValueError: if there are fewer than two levels, they do not fall, are not positive or nothing that float32 can hold.
  """
  sigmas = np.asarray(sigmas, np.float32)
  if len(sigmas) < 2 or not np.all(np.diff(sigmas) < 0) or sigmas[-1] <= 0:
    raise ValueError('sigmas must be at least two positive noise levels in falling order.')
  _check_ends(sigmas)
  num, logs = len(sigmas), np.log(sigmas.astype(np.float64))
  densities = -1 / (num * np.gradient(logs))

  def draw(rng, count):
    return jnp.asarray(sigmas)[jax.random.randint(rng, (count,), 0, num)]

  def density(sigma):
    return jnp.interp(jnp.log(sigma), logs[::-1], densities[::-1])

  def spaced(count):
    return np.exp(np.interp(np.linspace(0, num - 1, count), np.arange(num), logs))

  words = f'{words}{num} noise levels {sigmas[0]:.3g} to {sigmas[-1]:.3g}'
  return Path(words, sigmas, draw, frame, density, spaced, is_discrete=True)


def log_normal(
  mean: float, std: float, sigma_min: float, sigma_max: float
) -> tuple[Callable[[PRNGKey, int], jax.Array], Callable[[jax.Array], jax.Array]]:
  """`draw` and `density` of a path with `log sigma ~ N(mean, std^2)`, between its ends.

  Raises:
    ValueError: unless `sigma_max > sigma_min > 0`, or if hardly a draw lies between.
  """
  if not sigma_max > sigma_min > 0:
    raise ValueError(f'noise levels need sigma_max > sigma_min > 0, not {sigma_max:g} and {sigma_min:g}.')
  low, high = ((math.log(sigma) - mean) / std for sigma in (sigma_min, sigma_max))
  mass = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
  if mass < _LEAST_MASS:
    raise ValueError(
      f'of N({mean:g}, {std:g}^2) only {mass:.1%} lies between the logarithms of the ends of the path, {sigma_min:g} '
      f'and {sigma_max:g}; give another mean or std.'
    )

  def draw(rng, num):
    return jnp.exp(mean + std * jax.random.truncated_normal(rng, low, high, (num,)))

  return draw, lambda sigma: norm.pdf(jnp.log(sigma), mean, std) / mass


def _check_ends(sigmas):
  if not _LEAST <= sigmas[-1] < sigmas[0] <= _MOST:
    raise ValueError(
      f'a path ends at noise levels between {_LEAST:g} and {_MOST:g}, beyond which float32 holds nothing of the noise '
      f'or of the data, and this one goes from {sigmas[-1]:.3g} to {sigmas[0]:.3g}; let it stop before.'
    )
