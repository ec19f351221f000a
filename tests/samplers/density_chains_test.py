"""Chains on one density, by what is known of their stationary distributions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from jaxgen.samplers import langevin, mala, run, underdamped

MEAN, NUM = 3.0, 4000
STANDARD_ERROR = np.sqrt(2 / NUM)  # of a variance, relative


def log_gaussian(variance):
  return lambda x: -((x - MEAN) ** 2) / (2 * variance)


def score_of(log_prob_fn):
  return jax.grad(lambda x: log_prob_fn(x).sum())


def log_mixture(x):
  """Of 0.3 N(-1.2, 0.7^2) and 0.7 N(1.2, 0.7^2)."""
  return jnp.logaddexp(jnp.log(0.3) + norm.logpdf(x, -1.2, 0.7), jnp.log(0.7) + norm.logpdf(x, 1.2, 0.7))


@functools.partial(jax.jit, static_argnums=(0, 2))
def after(sampler, start, num_steps):
  return run(sampler, jax.random.key(0), start, num_steps)


@pytest.mark.parametrize('variance, temperature', [(1.0, 1.0), (4.0, 0.5)])
def test_mala_and_underdamped_chains_have_no_bias_on_gaussians_where_langevin_has(variance, temperature):
  """At the same step along the score, h^2 / 2 = variance / 2 of the underdamped chain."""
  step, log_prob_fn = 1.0 * variance, log_gaussian(variance)
  score_fn, start = score_of(log_prob_fn), jnp.full(NUM, MEAN + 1)
  plain, accepted, moving = [
    after(sampler, start, 60)[0].position
    for sampler in (
      langevin(score_fn, step, temperature),
      mala(log_prob_fn, step, temperature),
      underdamped(score_fn, step**0.5, 1.0 / variance**0.5, temperature),
    )
  ]
  exact = variance * temperature
  np.testing.assert_allclose(plain.var(), exact / (1 - 1 / 4), rtol=4 * STANDARD_ERROR)
  for unbiased in (accepted, moving):
    np.testing.assert_allclose(unbiased.var(), exact, rtol=4 * STANDARD_ERROR)
    np.testing.assert_allclose(unbiased.mean(), MEAN, atol=4 * np.sqrt(exact / NUM))


def test_velocities_are_too_slow_by_their_closed_form():
  variance, step, temperature = 4.0, 2.0, 0.5
  score_fn = score_of(log_gaussian(variance))
  state, _ = after(underdamped(score_fn, step, 0.7, temperature), jnp.full(NUM, MEAN), 60)
  whole = state.velocity + step / 2 * score_fn(state.position)
  np.testing.assert_allclose(
    whole.var(), temperature * (1 - step**2 / (4 * variance)), rtol=4 * STANDARD_ERROR
  )
  assert abs(np.corrcoef(whole, state.position)[0, 1]) < 4 / np.sqrt(NUM)


@pytest.mark.parametrize('step', [0.5, 2.0])
def test_acceptance_of_mala_is_that_of_a_sum_over_a_grid(step):
  """Of N(0, 1) the log-ratio is (h / 8) (x^2 - y^2)."""
  start = MEAN + jax.random.normal(jax.random.key(1), (NUM,))
  _, info = after(mala(log_gaussian(1.0), step), start, 1)
  x, z = np.meshgrid(np.linspace(-6, 6, 601), np.linspace(-6, 6, 601))
  y = (1 - step / 2) * x + np.sqrt(step) * z
  weights = np.exp(-(x**2 + z**2) / 2)
  rate = (weights * np.minimum(1, np.exp(step / 8 * (x**2 - y**2)))).sum() / weights.sum()
  np.testing.assert_allclose(np.exp(info.log_acceptance).mean(), rate, atol=0.01)
  np.testing.assert_allclose(info.accepted.mean(), rate, atol=0.03)


@pytest.mark.parametrize('name', ['langevin', 'mala', 'underdamped'])
def test_moments_of_a_mixture(name):
  sampler = {
    'langevin': langevin(score_of(log_mixture), 0.1),
    'mala': mala(log_mixture, 0.5),
    'underdamped': underdamped(score_of(log_mixture), 0.3),
  }[name]
  x = after(sampler, jnp.full(NUM // 4, -1.2), 400)[0].position
  # Mean 0.4 * 1.2, second moment 0.49 + 1.44, on the left 0.3 but for the tails; errors of 0.04, 0.06 and 0.015.
  np.testing.assert_allclose(x.mean(), 0.48, atol=0.16)
  np.testing.assert_allclose((x**2).mean(), 1.93, rtol=0.12)
  np.testing.assert_allclose(
    (x < 0).mean(), 0.3 * norm.cdf(1.2 / 0.7) + 0.7 * norm.cdf(-1.2 / 0.7), atol=0.06
  )


def test_at_temperature_zero_all_are_gradient_ascent():
  score_fn, x = score_of(log_gaussian(2.0)), jnp.array([1.0, -1.0])
  ascent = MEAN + 0.875**3 * (x - MEAN)  # x' = x + 0.25 s(x), three times
  for sampler in (
    langevin(score_fn, 0.5, 0.0),
    mala(log_gaussian(2.0), 0.5, 0.0),
    underdamped(score_fn, 0.5**0.5, jnp.inf, 0.0),
  ):
    np.testing.assert_allclose(after(sampler, x, 3)[0].position, ascent, rtol=1e-6)
  # With friction, at last at the top all the same.
  np.testing.assert_allclose(after(underdamped(score_fn, 0.5, 1.0, 0.0), x, 100)[0].position, MEAN, rtol=1e-4)


def test_what_has_no_density_is_never_entered():
  # Half of N(0, 1): the mean is sqrt(2 / pi).
  log_prob_fn = lambda x: jnp.where(x > 0, -(x**2) / 2, -jnp.inf)  # noqa: E731
  trace = lambda state, info: (state.position, info)  # noqa: E731
  start = jnp.abs(jax.random.normal(jax.random.key(1), (NUM,)))
  path, info = jax.jit(lambda x: run(mala(log_prob_fn, 0.5), jax.random.key(0), x, 30, trace)[1])(start)
  assert path.min() > 0
  assert np.all(info.log_acceptance <= 0)
  np.testing.assert_allclose(path[-1].mean(), np.sqrt(2 / np.pi), atol=4 * 0.6 / np.sqrt(NUM))


def test_positions_are_trees_whose_examples_are_accepted_as_a_whole():
  position = {'a': jnp.zeros((300, 2)), 'b': jnp.zeros((300, 3, 1))}
  log_prob_fn = lambda p: -2 * sum((leaf**2).reshape(300, -1).sum(1) for leaf in p.values())  # noqa: E731
  state, info = after(mala(log_prob_fn, 0.4), position, 1)
  for leaf in state.position.values():
    np.testing.assert_array_equal((leaf.reshape(300, -1) != 0).all(1), info.accepted[0])
    np.testing.assert_array_equal((leaf.reshape(300, -1) != 0).any(1), info.accepted[0])
  assert 0.1 < info.accepted.mean() < 0.95
  moved, _ = after(underdamped(lambda p: jax.tree.map(jnp.negative, p), 0.5), position, 2)
  assert jax.tree.map(jnp.shape, moved.position) == jax.tree.map(jnp.shape, position)
