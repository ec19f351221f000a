import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.metrics.bits_per_dim import bits_per_dim


@pytest.mark.parametrize('levels, bits', [(256, 8.0), (17, np.log2(17)), (2, 1.0)])
def test_the_uniform_density_on_the_cube_costs_all_bits(levels, bits):
  np.testing.assert_allclose(bits_per_dim(jnp.zeros(3), (4, 4, 3), levels), np.full(3, bits), rtol=1e-6)


def test_a_discrete_model_costs_its_log_mass():
  mass = np.array([0.5, 0.25, 0.125])
  event, levels = (2,), 17
  log_prob = np.log(mass) + 2 * np.log(levels)
  np.testing.assert_allclose(bits_per_dim(log_prob, event, levels), -np.log2(mass) / 2, rtol=1e-5)


def test_a_gaussian_costs_its_differential_entropy_on_average():
  sigma = 0.3
  x = sigma * jax.random.normal(jax.random.key(0), (20_000, 5))
  log_prob = jax.scipy.stats.norm.logpdf(x, scale=sigma).sum(-1)
  entropy = 0.5 * np.log2(2 * np.pi * np.e * sigma**2)
  assert abs(bits_per_dim(log_prob, (5,), 0).mean() - entropy) < 0.01


def test_twice_the_density_is_one_bit_less_per_example():
  low, high = bits_per_dim(jnp.log(jnp.array([1.0, 2.0])), (10,), 256)
  np.testing.assert_allclose(low - high, 0.1, rtol=1e-4)


def test_of_what_was_not_observed_nothing_is_told():
  bits = bits_per_dim(-jnp.log(2.0) * jnp.array([4.0, 4.0, 0.5]), (4,), 0, jnp.array([4, 1, 0]))
  np.testing.assert_allclose(bits, [1, 4, 0], rtol=1e-6)


def test_it_runs_under_jit_and_keeps_the_shape():
  bits = jax.jit(lambda p: bits_per_dim(p, (8, 8, 1), 17))(jnp.zeros((7, 4), jnp.bfloat16))
  assert bits.shape == (7, 4) and bits.dtype == jnp.float32


@pytest.mark.parametrize('event, levels', [((), 256), ((0, 3), 256), ((3,), -1)])
def test_nonsense_is_refused(event, levels):
  with pytest.raises(ValueError, match='dimensions|levels'):
    bits_per_dim(jnp.zeros(1), event, levels)


def test_an_exact_density_of_noisy_data_bounds_the_code_length_from_above():
  """p(y) = 2 y on two levels: P(0) = 1/4 and P(1) = 3/4, and E_u log 2 y has a closed form in each cell."""
  noise = np.random.default_rng(0).uniform(size=100_000)
  for level, mass in ((0, 0.25), (1, 0.75)):
    bits = float(bits_per_dim(jnp.log((level + noise).astype(np.float32)), (1,), 2).mean())
    expected = [1.0, np.log(2) * 2 - 1.0][level] * [1, -1][level]  # -E log y of y in [0, 1) and [1, 2)
    np.testing.assert_allclose(bits, 1 + expected / np.log(2), atol=0.01)
    assert bits > -np.log2(mass)
