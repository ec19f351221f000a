import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxgen.losses import score

# Data N(MEAN, diag(VAR)).
MEAN, VAR = jnp.array([1.0, -2.0]), jnp.array([0.25, 4.0])


def _gaussian_data(num):
  return MEAN + jnp.sqrt(VAR) * jax.random.normal(jax.random.key(7), (num, 2))


def _affine(params, x):
  return params['a'] * x + params['b']


def _least(loss_of_params):
  """The exact minimizer of a quadratic in the two vectors of an affine score, by one Newton step."""
  flat, unravel = ravel_pytree({'a': jnp.zeros(2), 'b': jnp.zeros(2)})
  loss = lambda flat: loss_of_params(unravel(flat))  # noqa: E731
  return unravel(flat - jnp.linalg.solve(jax.hessian(loss)(flat), jax.grad(loss)(flat)))


def test_denoising_by_hand():
  x, sigma = jnp.array([[1.0, 2.0], [0.0, 0.0]]), jnp.array([0.5, 2.0])
  noise = jax.random.normal(jax.random.key(0), x.shape)
  # A score of zero leaves the noise itself; s(x, sigma) = -x / sigma^2 at x = 0 meets it exactly.
  zero = score.denoising(lambda x, sigma: 0 * x, jax.random.key(0), x, sigma)
  np.testing.assert_allclose(zero, (noise**2).sum(1) / 2, rtol=1e-6)
  one = score.denoising(lambda x, sigma: -x / sigma[:, None] ** 2, jax.random.key(0), x, sigma)
  np.testing.assert_allclose(one[0], ((1 / 0.5) ** 2 + (2 / 0.5) ** 2) / 2, rtol=1e-5)
  np.testing.assert_allclose(one[1], 0.0, atol=1e-10)


def test_denoising_is_least_at_the_score_of_the_blurred_gaussian():
  sigma, data = 0.5, _gaussian_data(100_000)

  def loss(params):
    scales = jnp.full(data.shape[0], sigma)
    return score.denoising(lambda x, _: _affine(params, x), jax.random.key(1), data, scales).mean()

  best = _least(loss)
  np.testing.assert_allclose(best['a'], -1 / (VAR + sigma**2), rtol=0.03)
  np.testing.assert_allclose(best['b'], MEAN / (VAR + sigma**2), rtol=0.03)


@pytest.mark.parametrize('name', ['exact', 'sliced'])
def test_score_matching_is_least_at_the_score_of_the_gaussian(name):
  data = _gaussian_data(20_000)

  def loss(params):
    fn = lambda x: _affine(params, x)  # noqa: E731
    terms = score.exact(fn, data) if name == 'exact' else score.sliced(fn, jax.random.key(2), data)
    return terms.mean()

  best = _least(loss)
  np.testing.assert_allclose(best['a'], -1 / VAR, rtol=0.05)
  np.testing.assert_allclose(best['b'], MEAN / VAR, rtol=0.05)
  # The least value is -tr(S^-1) / 2.
  np.testing.assert_allclose(loss(best), -(1 / VAR).sum() / 2, rtol=0.05)


def _cubic(x):
  return -(x**3) + jnp.roll(x, 1, axis=-1)  # off-diagonal derivatives must not count


def test_exact_by_hand():
  x = jnp.array([[1.0, 2.0, 0.0]])
  # s = (-1 + 0, -8 + 1, 0 + 2); the trace is -3 (1 + 4 + 0).
  np.testing.assert_allclose(score.exact(_cubic, x), [-15 + (1 + 49 + 4) / 2])
  image = score.exact(lambda x: _cubic(x.reshape(1, 3)).reshape(x.shape), x.reshape(1, 3, 1))
  np.testing.assert_allclose(image, [12.0])


def test_sliced_is_exact_on_average_and_more_projections_come_nearer():
  x = jnp.broadcast_to(jnp.array([1.0, 2.0, 0.0]), (4000, 3))
  one = score.sliced(_cubic, jax.random.key(0), x)
  many = score.sliced(_cubic, jax.random.key(1), x, num_projections=16)
  np.testing.assert_allclose(one.mean(), 12.0, atol=5 * one.std() / 63)
  np.testing.assert_allclose(many.mean(), 12.0, atol=5 * many.std() / 63)
  np.testing.assert_allclose(many.std(), one.std() / 4, rtol=0.1)


def test_geometric_sigmas():
  np.testing.assert_allclose(score.geometric_sigmas(8.0, 1.0, 4), [8.0, 4.0, 2.0, 1.0], rtol=1e-6)
  for bad in [(1.0, 2.0, 4), (1.0, 0.0, 4), (2.0, 1.0, 1)]:
    with pytest.raises(ValueError, match='sigma_max'):
      score.geometric_sigmas(*bad)


def test_max_distance_by_hand():
  x = jnp.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]).reshape(3, 2, 1)
  np.testing.assert_allclose(score.max_distance(x), 5.0, rtol=1e-6)


def test_levels_overlap_by_half():
  # The authors use 232 levels from 50 to 0.01 for CIFAR-10 (Song & Ermon 2020, appendix).
  assert abs(score.num_levels(50.0, 0.01, 32 * 32 * 3) - 232) <= 12
  assert score.level_overlap(1.0, 64) == pytest.approx(0.9973, abs=1e-4)  # three deviations
  count = score.num_levels(10.0, 0.1, 64)
  assert score.level_overlap(100 ** (1 / (count - 1)), 64) >= 0.5
  assert score.level_overlap(100 ** (1 / (count - 2)), 64) < 0.5


def test_arguments_that_do_not_fit_are_named():
  x, rng = jnp.ones((3, 2)), jax.random.key(0)
  wide = lambda x, *sigma: jnp.ones((3, 2, 1))  # noqa: E731
  right = lambda x, *sigma: -x  # noqa: E731
  cases = {
    'sigma has shape': lambda: score.denoising(right, rng, x, jnp.ones(2)),
    'sigma must be of rank 1': lambda: score.denoising(right, rng, x, jnp.ones((3, 1))),
    'sigma is a single number': lambda: score.denoising(right, rng, x, jnp.ones(())),
    'score has shape': lambda: score.denoising(wide, rng, x, jnp.ones(3)),
    r'score has shape \(3, 2, 1\)': lambda: score.sliced(wide, rng, x),
    'num_projections': lambda: score.sliced(right, rng, x, 0),
    'score has shape .* x has': lambda: score.exact(wide, x),
    'x is a single number': lambda: score.exact(right, jnp.ones(())),
    'x is a single': lambda: score.max_distance(jnp.ones(())),
  }
  for words, call in cases.items():
    with pytest.raises(ValueError, match=words):
      call()
