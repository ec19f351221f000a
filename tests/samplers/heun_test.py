import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import heun
from tests.samplers.densities import gaussian_score, last, mixture_score, point_score

SIGMA_MIN, SIGMA_MAX = 0.05, 50.0


def flow(score_fn, x, sigmas):
  return last(heun(score_fn, sigmas), x, len(sigmas) - 1)


def test_gaussian_data_are_scaled_by_the_ratio_of_standard_deviations():
  x = SIGMA_MAX * jax.random.normal(jax.random.key(0), (5, 2, 3))
  at = lambda sigma: np.sqrt(0.7**2 + sigma**2)  # noqa: E731
  errors = []
  for num in (33, 65):
    found = flow(gaussian_score(0.7), x, geometric_sigmas(SIGMA_MAX, SIGMA_MIN, num))
    errors.append(float(jnp.abs(found - x * at(SIGMA_MIN) / at(SIGMA_MAX)).max()))
  assert errors[1] < 3e-3
  assert 3 < errors[0] / errors[1] < 5.5  # second order


def test_there_and_back_again():
  sigmas = geometric_sigmas(SIGMA_MAX, SIGMA_MIN, 400)
  x = jnp.array([[1.5, 2.5], [-0.5, -1.0], [2.0, -1.0], [1.0, 0.3]])
  latent = flow(mixture_score, x, sigmas[::-1])
  assert float(jnp.abs(latent).max()) > 5
  np.testing.assert_allclose(flow(mixture_score, latent, sigmas), x, atol=0.01)


def test_the_way_may_end_without_noise():
  # From a level t, Euler's step to 0 is x + t^2 s(x, t): of N(0, s^2) it leaves the share s^2 / (s^2 + t^2).
  x, levels = jnp.array([[3.0, -1.0]]), jnp.array([2.0, 1.0, 0.5])
  before = flow(gaussian_score(0.7), x, levels)
  np.testing.assert_allclose(
    flow(gaussian_score(0.7), x, jnp.append(levels, 0.0)), before * 0.49 / (0.49 + 0.25), rtol=1e-5
  )
  np.testing.assert_allclose(flow(point_score, x, jnp.append(levels, 0.0)), 2.0, rtol=1e-6)


def test_data_of_any_spread_are_reached_without_noise():
  sigmas = jnp.append(geometric_sigmas(SIGMA_MAX, 0.01, 60), 0.0)
  x = SIGMA_MAX * jax.random.normal(jax.random.key(0), (2000, 4))
  assert float(flow(gaussian_score(0.7), x, sigmas).std()) == pytest.approx(0.7, rel=0.02)
