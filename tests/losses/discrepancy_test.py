import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import vae

MEAN, SCALE = 0.7, 1.5  # of x in each dimension, beside y ~ N(0, I)


def _mean_of_gaussian_kernel(dims, mean, variance, inverse=1.0):
  """E exp(-inverse |d|^2 / h^2) of d ~ N(mean, variance I), with h^2 = 2 dims."""
  total = 2 * dims / inverse + 2 * variance
  return (2 * dims / inverse / total) ** (dims / 2) * np.exp(-dims * mean**2 / total)


def _mean_of_inverse_multiquadratic(dims, mean, variance):
  """1 / (1 + u) is the integral of exp(-t (1 + u)) over t > 0: Gauss and Laguerre's weights take it."""
  places, weights = np.polynomial.laguerre.laggauss(60)
  return weights @ _mean_of_gaussian_kernel(dims, mean, variance, places)


MEANS = {
  'gaussian': _mean_of_gaussian_kernel,
  'inverse_multiquadratic': _mean_of_inverse_multiquadratic,
}


def _closed_form(name, dims):
  of = MEANS[name]
  return of(dims, 0, 2 * SCALE**2) + of(dims, 0, 2) - 2 * of(dims, MEAN, SCALE**2 + 1)


def _sets(dims, num, seed=0):
  x, y = jax.random.normal(jax.random.key(seed), (2, num, dims))
  return MEAN + SCALE * x, y


@pytest.mark.parametrize('dims', [1, 5])
@pytest.mark.parametrize('name', vae.KERNELS)
def test_the_discrepancy_of_gaussians_is_their_closed_form(name, dims):
  kernel = vae.KERNELS[name]
  x, y = (jnp.stack(sets) for sets in zip(*(_sets(dims, 50, seed) for seed in range(400)), strict=True))
  unbiased = jax.vmap(lambda x, y: vae.unbiased_squared_mmd(x, y, kernel=kernel))(x, y)
  biased = jax.vmap(lambda x, y: vae.squared_mmd(x, y, kernel=kernel))(x, y)
  exact, error = _closed_form(name, dims), unbiased.std() / 20
  assert abs(unbiased.mean() - exact) < 4 * error and exact > 20 * error
  # a vector is 1 like itself, and that is one of 50 pairs
  of = MEANS[name]
  bias = (2 - of(dims, 0, 2 * SCALE**2) - of(dims, 0, 2)) / 50
  assert abs(biased.mean() - exact - bias) < 4 * error


def test_the_discrepancies_by_hand():
  x, y = jnp.array([[0.0], [1.0]]), jnp.array([[0.0], [2.0]])
  k = np.exp(-np.array([0.0, 0.5, 2.0]))  # distances 0, 1 and 2, of h^2 = 2
  biased = (1 + k[1]) / 2 + (1 + k[2]) / 2 - 2 * (k[0] + k[2] + k[1] + k[1]) / 4
  np.testing.assert_allclose(vae.squared_mmd(x, y), biased, rtol=1e-6)
  unbiased = k[1] + k[2] - (1 + k[2] + 2 * k[1]) / 2
  np.testing.assert_allclose(vae.unbiased_squared_mmd(x, y), unbiased, rtol=1e-6)
  np.testing.assert_allclose(vae.squared_mmd(x, x[::-1]), 0, atol=1e-7)
  far = vae.inverse_multiquadratic_kernel(jnp.array(3.0), 1.0)
  np.testing.assert_allclose(far, 0.25)


def test_infovae_by_hand():
  terms = dict(reconstruction=jnp.array([3.0, 1.0]), kl=jnp.array([2.0, 4.0]), divergence=jnp.float32(0.1))
  value = vae.infovae(**terms, alpha=0.5, lambda_=10.0)
  np.testing.assert_allclose(value, [3 + 1 + 0.95, 1 + 2 + 0.95])
  np.testing.assert_allclose(vae.infovae(**terms, alpha=0.0, lambda_=1.0), [5.0, 5.0])  # the elbo
  for alpha, lambda_ in ((1.5, 1.0), (0.0, 0.5), (np.nan, 1.0)):
    with pytest.raises(ValueError, match='neither may be negative'):
      vae.infovae(**terms, alpha=alpha, lambda_=lambda_)


@pytest.mark.parametrize(
  ('call', 'sentence'),
  [
    (lambda: vae.squared_mmd(jnp.zeros((2, 3)), jnp.zeros((2, 4))), 'y has vectors of 4 numbers'),
    (lambda: vae.squared_mmd(jnp.zeros(3), jnp.zeros(3)), 'x must be of rank 2'),
    (lambda: vae.unbiased_squared_mmd(jnp.zeros((1, 3)), jnp.zeros((2, 3))), 'needs 2 vectors'),
    (
      lambda: vae.infovae(
        reconstruction=jnp.zeros(2), kl=jnp.zeros(2), divergence=jnp.zeros(2), alpha=0.0, lambda_=2.0
      ),
      'divergence must be of rank 0',
    ),
  ],
)
def test_wrong_shapes_are_named(call, sentence):
  with pytest.raises(ValueError, match=sentence):
    call()
