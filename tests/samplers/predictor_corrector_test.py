import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import predictor_corrector, run

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
