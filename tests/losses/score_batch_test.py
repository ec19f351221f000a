import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses.score import mean_noise


def test_two_examples_share_the_noise_by_their_likelihoods():
  clean, noisy = jnp.array([[0.0], [1.0]]), jnp.array([[0.5], [2.0]])
  sigma = jnp.array([1.0, 2.0])
  found = mean_noise(noisy, clean, sigma)
  share = 1 / (1 + np.exp((2.0**2 - 1.0**2) / (2 * 2.0**2)))  # of the first example in the second noisy one
  np.testing.assert_allclose(found[:, 0], [0.5 - 0.5, (2.0 - (1 - share)) / 2.0], rtol=1e-6)


@pytest.mark.parametrize('size', [2, 6])
def test_it_has_the_mean_of_the_noise_at_every_size_of_a_batch_and_less_variance(size):
  """Of data N(0, 1), `E[e | y] = sigma y / (1 + sigma^2)`: `E[e y] = sigma`, `E[e y^3] = 3 sigma (1 + sigma^2)`."""
  rng, sigma = jax.random.split(jax.random.key(0)), 1.0
  x, noise = (jax.random.normal(key, (100_000, size, 1)) for key in rng)
  y = x + sigma * noise
  found = jax.vmap(mean_noise)(y, x, jnp.full(y.shape[:2], sigma))
  first, third, square = (float((found * other).mean()) for other in (y, y**3, found))
  assert first == pytest.approx(sigma, abs=0.02)
  assert third == pytest.approx(3 * sigma * (1 + sigma**2), abs=0.15)
  assert sigma**2 / (1 + sigma**2) < square < 0.9  # that of the noise is 1


def test_it_is_the_noise_where_no_other_example_is_near():
  clean, noise = jax.random.normal(jax.random.key(0), (2, 5, 3, 3))
  np.testing.assert_allclose(mean_noise(clean + 1e-2 * noise, clean, jnp.full(5, 1e-2)), noise, atol=1e-4)


def test_shapes_are_looked_at():
  with pytest.raises(ValueError, match='clean has shape'):
    mean_noise(jnp.zeros((2, 3)), jnp.zeros((1, 3)), jnp.ones(2))
  with pytest.raises(ValueError, match='sigma'):
    mean_noise(jnp.zeros((2, 3)), jnp.zeros((2, 3)), jnp.ones((2, 1)))
