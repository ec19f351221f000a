"""What completion draws, of Gaussian data in the plane whose first coordinate is observed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import (
  annealed,
  clamped,
  coarse,
  corrected,
  ddpm,
  dpm_solver,
  grey,
  karras_levels,
  langevin_corrector,
  num_annealed_steps,
  num_resampled_steps,
  put_back,
  resampled,
)
from tests.samplers.densities import last

CORRELATION, SEEN = 0.8, 1.5
COVARIANCE = np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])
MEAN, VARIANCE = CORRELATION * SEEN, 1 - CORRELATION**2  # of the second coordinate given the first
LEVELS = karras_levels(10.0, 0.02, 20)
NUM = 1000
OBSERVED = np.array([[True, False]])


def score_fn(x, sigma):
  """By the inverse of the blurred covariance, written out."""
  variance = (1 + sigma**2)[:, None]
  return -(variance * x - CORRELATION * x[:, ::-1]) / (variance**2 - CORRELATION**2)


def law(starts):
  """The mean and variance of the second coordinate at the end of a chain of `ddpm` that begins its steps at `starts`.

  Every step of the chain is linear: x' = x - d (P_11 x + P_10 (SEEN + sigma e)) + sqrt(v) z, P the blurred precision.
  """
  mean, variance, at = 0.0, LEVELS[0] ** 2, 0
  for start in starts:
    here, there = LEVELS[start], LEVELS[start + 1]
    variance += here**2 - LEVELS[at] ** 2
    precision, drop = np.linalg.inv(COVARIANCE + here**2 * np.eye(2)), here**2 - there**2
    mean -= drop * (precision[1, 1] * mean + precision[1, 0] * SEEN)
    variance = (1 - drop * precision[1, 1]) ** 2 * variance + (drop * precision[1, 0] * here) ** 2
    variance += drop * (1 + there**2) / (1 + here**2) * (there > 0)
    at = start + 1
  return mean, variance


def completed(sampler, num_steps, num=NUM):
  end = last(sampler, LEVELS[0] * jax.random.normal(jax.random.key(1), (num, 2)), num_steps)
  return float(end[:, 1].mean()), float(end[:, 1].var())


def near(found, expected):
  """Within four standard errors of a mean and a variance."""
  mean, variance = expected
  return abs(found[0] - mean) < 4 * np.sqrt(variance / NUM) and abs(found[1] / variance - 1) < 4 * np.sqrt(
    2 / NUM
  )


X = jnp.tile(jnp.array([[SEEN, 99.0]]), (NUM, 1))
CHAIN = functools.partial(ddpm, score_fn, LEVELS, data_std=1.0)


def test_replacement_follows_its_law_which_is_not_the_conditional_one():
  found = completed(clamped(CHAIN(), X, OBSERVED, LEVELS), 20)
  assert near(found, law(range(20)))
  assert found[0] < MEAN - 0.4 and found[1] > VARIANCE + 0.1


@pytest.mark.parametrize('jump_length, num_resamplings', [(1, 3), (4, 8), (7, 2)])
def test_resampling_follows_its_law(jump_length, num_resamplings):
  sampler = resampled(CHAIN(), X, OBSERVED, LEVELS, jump_length=jump_length, num_resamplings=num_resamplings)
  stretches = [list(range(i, min(i + jump_length, 20))) for i in range(0, 20, jump_length)]
  starts = [start for stretch in stretches for start in stretch * num_resamplings]
  assert len(starts) == num_resampled_steps(21, num_resamplings)
  assert near(completed(sampler, len(starts)), law(starts))


def test_resampling_often_draws_from_the_conditional():
  sampler = resampled(CHAIN(), X, OBSERVED, LEVELS, num_resamplings=40)
  assert near(completed(sampler, num_resampled_steps(21, 40)), (MEAN, VARIANCE))


def test_replacement_under_langevin_dynamics_of_many_steps_draws_from_the_conditional():
  sigmas, steps = np.geomspace(10.0, 0.1, 10), 60
  chain = annealed(score_fn, sigmas, 0.5 * sigmas[-1] ** 2, steps)
  found = completed(clamped(chain, X, OBSERVED, np.repeat(sigmas, steps)), num_annealed_steps(10, steps))
  assert near(found, (MEAN, VARIANCE))


@pytest.mark.parametrize(
  'chain',
  [
    lambda: dpm_solver(score_fn, LEVELS),
    lambda: corrected(ddpm(score_fn, LEVELS), langevin_corrector(score_fn, 0.3), LEVELS),
  ],
  ids=['dpm_solver', 'corrected'],
)
def test_any_chain_may_be_resampled(chain):
  found = completed(resampled(chain(), X, OBSERVED, LEVELS, num_resamplings=10), num_resampled_steps(21, 10))
  # Replacement alone: 0.5 and 40 %, whatever the chain.
  np.testing.assert_allclose(found, (MEAN, VARIANCE), atol=0.15)


def test_what_is_observed_may_be_a_mean():
  """Of independent coordinates of the variances 1 and 1/4 whose mean is 1/2."""
  variances = np.array([1.0, 0.25])
  observe = lambda x: jnp.broadcast_to(x.mean(-1, keepdims=True), x.shape)  # noqa: E731
  chain = ddpm(lambda x, sigma: -x / (variances + sigma[:, None] ** 2), LEVELS, 0.7)
  sampler = resampled(chain, jnp.full((NUM, 2), 0.5), observe, LEVELS, num_resamplings=20)
  steps = num_resampled_steps(21, 20)
  end = last(sampler, LEVELS[0] * jax.random.normal(jax.random.key(1), (NUM, 2)), steps)
  # Given x + y = 1: x ~ N(1 / 1.25, 1 * 0.25 / 1.25).
  np.testing.assert_allclose([end[:, 0].mean(), end[:, 0].var()], [0.8, 0.2], rtol=0.15)


def test_a_mask_is_a_projection():
  chain, start = CHAIN(), jax.random.normal(jax.random.key(2), (4, 2))
  by_mask, by_projection = (
    last(clamped(chain, X[:4], observed, LEVELS), start, 21)
    for observed in (OBSERVED, lambda x: OBSERVED * x)
  )
  np.testing.assert_allclose(by_mask, by_projection, rtol=1e-4, atol=1e-5)
  np.testing.assert_array_equal(by_mask[:, 0], SEEN)  # by one step beyond the end


@pytest.mark.parametrize('observe', [grey, functools.partial(coarse, factor=2)], ids=['grey', 'coarse'])
def test_what_is_observed_of_images_is_an_orthogonal_projection(observe):
  x, y = jax.random.normal(jax.random.key(0), (2, 3, 4, 6, 2))
  np.testing.assert_allclose(observe(observe(x)), observe(x), atol=1e-6)
  np.testing.assert_allclose((observe(x) * (y - observe(y))).sum((1, 2, 3)), 0, atol=1e-4)
  seen = put_back(x, y, observe)
  np.testing.assert_allclose(observe(seen), observe(y), atol=1e-6)
  np.testing.assert_allclose(seen - observe(seen), x - observe(x), atol=1e-6)


def test_by_hand():
  x = jnp.arange(8.0).reshape(1, 2, 2, 2)
  np.testing.assert_array_equal(grey(x)[0, :, :, 1], [[0.5, 2.5], [4.5, 6.5]])
  np.testing.assert_array_equal(coarse(x, 2)[0, 1, 1], [3.0, 4.0])
  with pytest.raises(ValueError, match='squares of 3'):
    coarse(x, 3)
  with pytest.raises(ValueError, match='num_resamplings'):
    resampled(CHAIN(), X, OBSERVED, LEVELS, num_resamplings=0)
