import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import (
  corrected,
  euler,
  karras_levels,
  langevin,
  langevin_corrector,
  predictor_corrector,
  run,
)
from tests.samplers.densities import last

MEAN, VARIANCE = 1.5, 0.25


def _blurred_score(x, sigma):
  return (MEAN - x) / (VARIANCE + sigma[:, None] ** 2)


@pytest.mark.parametrize('corrector_steps', [0, 1, 2])
def test_ends_in_the_data_distribution(corrector_steps):
  num_levels = 200
  sigmas = geometric_sigmas(20.0, 0.01, num_levels)
  # 64 dimensions: the corrector's step is made for norms that hardly vary.
  start = 20.0 * jax.random.normal(jax.random.key(0), (200, 64))
  sampler = predictor_corrector(_blurred_score, sigmas, 0.1, corrector_steps)
  state, info = jax.jit(lambda: run(sampler, jax.random.key(1), start, num_levels))()
  np.testing.assert_allclose(state.position.mean(), MEAN, atol=0.03)
  np.testing.assert_allclose(state.position.var(), VARIANCE, rtol=0.06)
  np.testing.assert_allclose(info.sigma[:-1], sigmas[1:])


def test_one_predictor_step_has_its_closed_form_mean_and_variance():
  # From N(0, 4) at s = 2 to t = 1, data at MEAN alone but for VARIANCE: d = 3.
  start = 2.0 * jax.random.normal(jax.random.key(0), (100_000, 1))
  sampler = predictor_corrector(_blurred_score, [2.0, 1.0], corrector_steps=0)
  state, _ = sampler.step(jax.random.key(1), sampler.init(start))
  shrink = 3.0 / (VARIANCE + 4.0)
  np.testing.assert_allclose(state.position.mean(), shrink * MEAN, atol=0.03)
  np.testing.assert_allclose(state.position.var(), (1 - shrink) ** 2 * 4.0 + 3.0, rtol=0.03)


def test_the_last_step_removes_the_noise_and_then_the_chain_rests():
  def point_score(x, sigma):
    return (2.0 - x) / sigma[:, None] ** 2

  sampler = predictor_corrector(point_score, [2.0, 1.0])
  _, path = run(sampler, jax.random.key(0), jnp.zeros((3, 1)), 4, lambda state, _: state.position)
  assert np.all(path[0] != 2.0)
  np.testing.assert_allclose(path[1], 2.0, atol=1e-5)
  np.testing.assert_array_equal(path[2:], path[1:3])


def test_any_corrector_mends_any_predictor():
  """Euler's method in six steps leaves data too narrow; chains at each level bring them back."""
  levels = karras_levels(20.0, 0.5, 7, zero=False)

  def corrector(sigma):
    score_fn = lambda x: _blurred_score(x, jnp.broadcast_to(sigma, x.shape[:1]))  # noqa: E731
    return langevin(score_fn, 0.2 * (VARIANCE + sigma**2))

  predictor, start = euler(_blurred_score, levels), 20.0 * jax.random.normal(jax.random.key(0), (300, 16))
  alone = last(predictor, start, 6)
  mended = last(corrected(predictor, corrector, levels, 40), start, 6)
  # A step of 0.2 in units of the variance leaves a chain too wide by 1 / (1 - 0.05).
  blurred = VARIANCE + 0.5**2
  assert alone.var() < 0.9 * blurred
  np.testing.assert_allclose(mended.var(), blurred / 0.95, rtol=0.06)
  np.testing.assert_allclose(mended.mean(), MEAN, atol=0.03)


def test_the_measured_step_of_the_corrector():
  corrector = langevin_corrector(lambda x, sigma: -x / sigma[:, None] ** 2, 0.1)(jnp.float32(2.0))
  x = jnp.array([[3.0, 4.0], [6.0, 8.0]])
  moved, info = corrector.step(jax.random.key(0), corrector.init(x))
  noise = jax.random.normal(jax.random.key(0), x.shape)
  # The scores' norms are 5 / 4 and 10 / 4.
  step = 2 * (0.1 * np.linalg.norm(noise, axis=1).mean() / 1.875) ** 2
  np.testing.assert_allclose(moved.position, x - step * x / 4 + np.sqrt(2 * step) * noise, rtol=1e-5)
  np.testing.assert_allclose(info.step_size, 2 * step, rtol=1e-5)
