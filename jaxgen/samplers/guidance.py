"""Scores made of scores: guidance by a condition or by a classifier, and temperature, of a chain too."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.samplers.over_levels._descent import LevelScoreFn
from jaxgen.types import PRNGKey, Sampler


def guided(
  score_fn: LevelScoreFn, unconditional_score_fn: LevelScoreFn, weight: float | jax.Array
) -> LevelScoreFn:
  """Classifier-free guidance: `u + weight (s - u)` of the conditional score s and the unconditional one u.

  A weight of 1 is the conditional score, 0 the unconditional one, and above 1 the condition weighs more than in the
  data: the score of `p(x)^(1 - weight) p(x | y)^weight` at each level (Ho & Salimans 2022, equation 6, whose w is
  `weight - 1`). These densities are not those of one density blurred more and more, so that what is drawn
  through all levels is no exact draw of the last.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, given the condition.
    unconditional_score_fn: the same, without it.
    weight: f32[], or an array that broadcasts over the score.

  Returns:
    A score of the same kind, of two evaluations.
  """

  def guided_score(x, sigma):
    unconditional = unconditional_score_fn(x, sigma)
    return unconditional + weight * (score_fn(x, sigma) - unconditional)

  return guided_score


def classifier_guided(
  score_fn: LevelScoreFn,
  log_prob_fn: Callable[[jax.Array, jax.Array], jax.Array],
  weight: float | jax.Array = 1.0,
) -> LevelScoreFn:
  """Guidance by a classifier of what is blurred: `s(x, sigma) + weight grad_x log p(y | x, sigma)`.

  With a weight of 1 and exact parts it is the conditional score, by Bayes' rule (Song et al. 2021, equation 14); more
  of it weighs the condition more (Dhariwal & Nichol 2021, section 4.2). Any log-likelihood of something seen
  of x may stand in the classifier's place.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, unconditional.
    log_prob_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B]`, in nats, each of its own example.
    weight: f32[], or an array that broadcasts over the score.

  Returns:
    A score of the same kind.
  """

  def guided_score(x, sigma):
    slope = jax.grad(lambda x: log_prob_fn(x, sigma).sum())(x)
    return score_fn(x, sigma) + weight * slope

  return guided_score


def tempered(score_fn: LevelScoreFn, temperature: float) -> LevelScoreFn:
  """The score of the data at a temperature: `s(x, sigma / sqrt(temperature)) / temperature`.

  Without noise it is the score of `p^(1 / temperature)`. Of `p^(1 / temperature)` blurred by sigma it is the score
  exactly where the data are Gaussian: data `N(m, c^2)` become `N(m, temperature c^2)`. It is nearly so for each of
  several parts that lie far apart, but the share of samples that goes to each is then that of neither density. A
  score that is known between two levels alone is asked for these by `jaxgen.samplers.at_temperature`.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`.
    temperature: below 1 for more of what is probable, above it for more variety.

  Returns:
    A score of the same kind.

  Raises:
    ValueError: if the temperature is not positive.
  """
  _check_temperature(temperature)
  return lambda x, sigma: score_fn(x, sigma / jnp.sqrt(temperature)) / temperature


def at_temperature(
  kernel: Callable[[LevelScoreFn], Sampler], score_fn: LevelScoreFn, temperature: float
) -> Sampler:
  """The chain of the data at a temperature T, see `jaxgen.samplers.tempered`, by the steps of a chain of the data.

  With `r = sqrt(T)`, x / r goes by the kernel, on the score of data divided by r, `s(r u, sigma) / r`. So all levels
  and settings of the kernel that are in units of noise or data, as EDM's range of churn and DDPM's spread of the data,
  mean what they do at T = 1, and the score is asked for the same levels. Positions are those of x, r times as noisy
  as the levels say; infos and what else is in the states are the kernel's.

  Args:
    kernel: of a score; its states have a field `position`, f32[B, ...].
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, the score of the data blurred by `sigma`.
    temperature: below 1 for more of what is probable, above it for more variety.

  Raises:
    ValueError: if the temperature is not positive.
  """
  _check_temperature(temperature)
  root = math.sqrt(temperature)
  sampler = kernel(lambda x, sigma: score_fn(root * x, sigma) / root)

  def init(position: jax.Array):
    return sampler.init(position / root)._replace(position=position)

  def step(rng: PRNGKey, state):
    moved, info = sampler.step(rng, state._replace(position=state.position / root))
    return moved._replace(position=root * moved.position), info

  return Sampler(init, step)


def _check_temperature(temperature):
  if not temperature > 0:
    raise ValueError(f'the temperature of a score must be positive, not {temperature}.')
