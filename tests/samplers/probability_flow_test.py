import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import probability_flow, probability_flow_log_prob, run

SIGMA_MIN, SIGMA_MAX = 0.05, 50.0


def gaussian_score(std):
  return lambda x, sigma: -x / (std**2 + sigma**2).reshape(-1, *[1] * (x.ndim - 1))


def mixture_score(x, sigma):
  """Of equal parts at +2 and -2 in every dimension, each with a standard deviation of 0.5."""

  def log_density(x, sigma):
    scale = jnp.sqrt(0.25 + sigma**2)
    return jax.nn.logsumexp(jnp.stack([norm.logpdf(x, m, scale).sum() for m in (-2.0, 2.0)])) - jnp.log(2)

  return jax.vmap(jax.grad(log_density))(x, sigma)


def flow(score_fn, x, sigmas):
  sampler = probability_flow(score_fn, sigmas)
  return jax.jit(lambda x: run(sampler, jax.random.key(0), x, len(sigmas) - 1)[0].position)(x)


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


def test_past_the_last_level_it_stands_still():
  sampler, x = probability_flow(gaussian_score(1.0), [2.0, 1.0]), jnp.ones((3, 2))
  states = [run(sampler, jax.random.key(0), x, num)[0].position for num in (1, 4)]
  np.testing.assert_array_equal(*states)


def log_of_sigma_score(x, sigma):
  """Of data at 2 alone; not a number at sigma 0, as a network that sees log sigma is."""
  return (2.0 - x) / jnp.exp(2 * jnp.log(sigma))[:, None]


def test_the_way_may_end_without_noise():
  # From a level t, Euler's step to 0 is x + t^2 s(x, t): of N(0, s^2) it leaves the share s^2 / (s^2 + t^2).
  x, levels = jnp.array([[3.0, -1.0]]), jnp.array([2.0, 1.0, 0.5])
  before = flow(gaussian_score(0.7), x, levels)
  np.testing.assert_allclose(
    flow(gaussian_score(0.7), x, jnp.append(levels, 0.0)), before * 0.49 / (0.49 + 0.25), rtol=1e-5
  )
  np.testing.assert_allclose(flow(log_of_sigma_score, x, jnp.append(levels, 0.0)), 2.0, rtol=1e-6)


def test_data_of_any_spread_are_reached_without_noise():
  sigmas = jnp.append(geometric_sigmas(SIGMA_MAX, 0.01, 60), 0.0)
  x = SIGMA_MAX * jax.random.normal(jax.random.key(0), (2000, 4))
  assert float(flow(gaussian_score(0.7), x, sigmas).std()) == pytest.approx(0.7, rel=0.02)


def test_past_a_level_without_noise_it_stands_still():
  sampler, x = probability_flow(log_of_sigma_score, [2.0, 0.0]), jnp.ones((3, 2))
  np.testing.assert_array_equal(run(sampler, jax.random.key(0), x, 3)[0].position, 2.0)


def test_levels_without_a_score_are_refused():
  for bad in ([1.0], [0.0, 1.0], [1.0, 0.0, 0.5], [1.0, -1.0], [1.0, float('nan')]):
    with pytest.raises(ValueError, match='noise levels'):
      probability_flow(gaussian_score(1.0), bad)
  with pytest.raises(ValueError, match='instead of 0'):
    probability_flow_log_prob(gaussian_score(1.0), jax.random.key(0), jnp.ones((2, 2)), [0.0, 1.0])


@pytest.mark.parametrize('num_probes', [0, 1, 3])
def test_the_density_of_a_gaussian(num_probes):
  # Its Jacobian is a multiple of the identity, so signs give the trace without noise.
  x = jax.random.normal(jax.random.key(0), (6, 2, 3))
  expected = norm.logpdf(x, scale=np.sqrt(0.7**2 + SIGMA_MIN**2)).sum((1, 2))
  errors = []
  for num in (51, 101):
    sigmas = geometric_sigmas(SIGMA_MAX, SIGMA_MIN, num)[::-1]
    rng = jax.random.key(1)
    found = jax.jit(probability_flow_log_prob, static_argnums=(0, 4))(
      gaussian_score(0.7), rng, x, sigmas, num_probes
    )
    errors.append(float(jnp.abs(found - expected).max()))
  assert errors[1] < 0.02
  assert 3 < errors[0] / errors[1] < 5  # second order


def test_the_density_of_a_mixture_sums_to_one_and_signs_do_not_bias_it():
  sigmas = geometric_sigmas(SIGMA_MAX, SIGMA_MIN, 100)[::-1]
  axis = jnp.linspace(-5, 5, 61)
  grid = jnp.stack(jnp.meshgrid(axis, axis), -1).reshape(-1, 2)
  exact = jax.jit(lambda x: probability_flow_log_prob(mixture_score, jax.random.key(0), x, sigmas, 0))(grid)
  assert float(jnp.exp(exact).sum() * (axis[1] - axis[0]) ** 2) == pytest.approx(1, abs=0.01)
  scale = np.sqrt(0.25 + SIGMA_MIN**2)
  parts = jnp.stack([norm.logpdf(grid, m, scale).sum(-1) for m in (-2.0, 2.0)])
  np.testing.assert_allclose(jnp.exp(exact), jnp.exp(jax.nn.logsumexp(parts, 0)) / 2, atol=5e-3)
  some = jnp.array([[0.5, 1.0], [2.0, 1.5]])
  probed = jax.jit(lambda x: probability_flow_log_prob(mixture_score, jax.random.key(2), x, sigmas, 1000))(
    some
  )
  near = jax.jit(lambda x: probability_flow_log_prob(mixture_score, jax.random.key(2), x, sigmas, 0))(some)
  np.testing.assert_allclose(probed, near, atol=0.1)
