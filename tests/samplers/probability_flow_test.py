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
  with pytest.raises(ValueError, match='tolerance'):
    probability_flow_log_prob(
      gaussian_score(1.0), jax.random.key(0), jnp.ones((2, 2)), [1.0, 2.0], tolerance=-1.0
    )


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


def _wide(num):
  """So wide that the prior is that of any data, to 1e-4 nats."""
  return geometric_sigmas(1000.0, SIGMA_MIN, num)[::-1]


def _to(tolerance, score_fn, x):
  """The log-density to a tolerance, and how often the score was asked for it."""
  calls = []

  def counted(x, sigma):
    jax.debug.callback(lambda: calls.append(1))
    return score_fn(x, sigma)

  found = jax.jit(lambda x: probability_flow_log_prob(counted, jax.random.key(0), x, _wide(2), 0, tolerance))(
    x
  )
  jax.block_until_ready(found)
  jax.effects_barrier()
  return np.asarray(found), len(calls)


def _mixture_log_prob(x):
  scale = np.sqrt(0.25 + SIGMA_MIN**2)
  parts = jnp.stack([norm.logpdf(x, m, scale).sum(-1) for m in (-2.0, 2.0)])
  return jax.nn.logsumexp(parts, 0) - np.log(2)


def test_a_tolerance_is_kept():
  x = jax.random.normal(jax.random.key(0), (20, 2))
  normal = norm.logpdf(0.7 * x, scale=np.sqrt(0.7**2 + SIGMA_MIN**2)).sum(1)
  signs = jnp.where(jnp.arange(20) % 2, 1.0, -1.0)[:, None]
  cases = [
    (gaussian_score(0.7), 0.7 * x, normal),
    (mixture_score, 2 * signs + 0.5 * x, _mixture_log_prob(2 * signs + 0.5 * x)),
    (
      mixture_score,
      jnp.array([[0.0, 0.1], [3.0, -3.0]]),
      _mixture_log_prob(jnp.array([[0.0, 0.1], [3.0, -3.0]])),
    ),
  ]
  for score_fn, points, exact in cases:
    near, calls = _to(1e-3, score_fn, points)
    rough, fewer = _to(0.1, score_fn, points)
    np.testing.assert_allclose(near, exact, atol=1e-3)
    np.testing.assert_allclose(rough, exact, atol=0.1)
    assert fewer <= calls < 300  # Heun takes 800 for this


def test_to_a_tolerance_no_example_knows_of_the_others():
  x = jnp.array([[2.0, 2.1], [0.0, 0.1], [3.0, -3.0]])
  together, _ = _to(1e-2, mixture_score, x)
  for index in range(3):
    np.testing.assert_allclose(
      together[index], _to(1e-2, mixture_score, x[index : index + 1])[0][0], rtol=1e-5
    )


def test_what_cannot_be_kept_to_a_tolerance_is_no_number_and_costs_little():
  """Single precision cannot, and the others of a batch do not know."""
  x = jnp.array([[2.0, 2.1]])
  found, calls = _to(1e-12, mixture_score, x)
  assert np.isnan(found).all() and calls < 100
  unsteady = lambda x, sigma: gaussian_score(1.0)(x, sigma) + 100.0 * (jnp.sin(1e6 * x) * (x > 1))  # noqa: E731
  found, _ = _to(1e-2, unsteady, jnp.array([[-3.0, -3.0], [3.0, 3.0]]))
  np.testing.assert_array_equal(np.isnan(found), [False, True])
  nothing, _ = _to(1e-2, lambda x, sigma: jnp.full_like(x, jnp.nan), x)
  assert np.isnan(nothing).all()


def test_at_a_jump_a_step_may_be_off_by_what_is_left_of_the_tolerance():
  """The score jumps where sigma is 1: by its share alone no step over that is near enough, however short."""
  score_fn = lambda x, sigma: -x * (1 / (1 + sigma**2) + 0.1 * (sigma > 1) / sigma**2)[:, None]  # noqa: E731
  x = jnp.array([[0.3, -0.5]])
  # d log x / d log sigma, above 1, has 0.1 more; the divergence is as much in each of two dimensions
  grown = np.log(_wide(2)[-1]) * 0.1
  latent = x * np.sqrt((1 + _wide(2)[-1] ** 2) / (1 + SIGMA_MIN**2)) * np.exp(grown)
  log_det = 2 * (np.log((1 + _wide(2)[-1] ** 2) / (1 + SIGMA_MIN**2)) / 2 + grown)
  found, calls = _to(1e-3, score_fn, x)
  np.testing.assert_allclose(found, norm.logpdf(latent, scale=_wide(2)[-1]).sum(1) + log_det, atol=1e-3)
  assert calls < 1000
