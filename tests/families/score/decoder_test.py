import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.score.decoder import decoder_log_mass, posterior_moments


@pytest.mark.parametrize('levels', [2, 17, 256])
@pytest.mark.parametrize(
  'mean, variance', [(-1.3, 0.1), (-0.99, 1e-4), (0.21, 0.0), (0.21, 0.5), (1.0, -1.0)]
)
def test_the_mass_of_all_levels_is_one_and_their_mean_that_which_was_asked_for(levels, mean, variance):
  x, step = jnp.arange(levels, dtype=jnp.uint8)[:, None], 2 / (levels - 1)
  share = (mean + 1) / step % 1
  variance = max(variance, share * (1 - share) * step**2)  # less has nothing on the levels
  mass = jnp.exp(decoder_log_mass(x, jnp.full(x.shape, mean), jnp.full(x.shape, variance), levels))
  assert float(mass.sum()) == pytest.approx(1, abs=1e-4)
  found = float((mass * jnp.linspace(-1, 1, levels)).sum())
  assert found == pytest.approx(np.clip(mean, -1, 1), abs=1e-3)


def test_a_variance_that_no_levels_have_makes_the_nearest_one_certain():
  x, mean = jnp.arange(17, dtype=jnp.uint8)[:, None], jnp.full((17, 1), -1 + 8.1 * 2 / 16)
  mass = jnp.exp(decoder_log_mass(x, mean, jnp.full((17, 1), 0.02 * (2 / 16) ** 2), 17))
  assert float(mass[8]) > 0.999
  assert float(mass.sum()) == pytest.approx(1, abs=1e-4)


def test_the_posterior_of_two_neighbouring_levels_is_met():
  # mean 0.7 of the way from level 8 to 9 of 17, and the variance that goes with it
  x = jnp.array([[8], [9]], jnp.uint8)
  step = 2 / 16
  log_mass = decoder_log_mass(x, jnp.full((2, 1), -1 + 8.7 * step), jnp.full((2, 1), 0.3 * 0.7 * step**2), 17)
  np.testing.assert_allclose(jnp.exp(log_mass), [0.3, 0.7], atol=0.03)


@pytest.mark.parametrize('shape', [(3,), (6, 6, 1)])
def test_the_moments_of_a_gaussian_posterior(shape):
  # N(0.5, 0.25) seen through noise of 0.3: mean and variance by Bayes' rule
  blurred = 0.25 + 0.3**2
  y = jax.random.normal(jax.random.key(0), (4, *shape))
  mean, variance = posterior_moments(lambda y: (0.5 - y) / blurred, jax.random.key(1), y, 0.3)
  np.testing.assert_allclose(mean, (0.25 * y + 0.3**2 * 0.5) / blurred, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(variance, 0.25 * 0.3**2 / blurred, rtol=1e-4)
