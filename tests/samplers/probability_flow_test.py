import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers import probability_flow_log_prob
from tests.samplers.densities import gaussian_score, mixture_score

SIGMA_MIN, SIGMA_MAX = 0.05, 50.0


def test_levels_without_a_score_are_refused():
  for bad in ([1.0], [0.0, 1.0], [-1.0, 1.0], [1.0, float('nan')]):
    with pytest.raises(ValueError, match='noise levels'):
      probability_flow_log_prob(gaussian_score(1.0), jax.random.key(0), jnp.ones((2, 2)), bad)


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
