import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.vae import LIKELIHOODS
from jaxgen.types import Field

LEVELS = 5
TABLE = [(name, levels) for name in LIKELIHOODS for levels in (2, LEVELS)]
IN_ORDER = [(name, levels) for name, levels in TABLE if name != 'categorical']  # of tokens no order is told


def _likelihood(name, levels, scale):
  return LIKELIHOODS[name](Field('vector', (1,), levels), scale)


@pytest.mark.parametrize(('name', 'levels'), TABLE)
def test_gives_one_number_per_example_and_pictures_as_the_data_is(name, levels):
  likelihood = _likelihood(name, levels, 0.2)
  outputs = 3 * jax.random.normal(jax.random.key(0), (6, 4, 3, 1, likelihood.num_outputs))
  x = likelihood.draw(jax.random.key(1), outputs)
  for picture in (x, likelihood.mean(outputs)):
    assert picture.shape == (6, 4, 3, 1) and picture.dtype == jnp.uint8
    assert picture.min() == 0 and picture.max() == levels - 1
  nll = likelihood.nll(jax.random.key(2), outputs, x)
  assert nll.shape == (6,) and np.isfinite(nll).all()


def test_the_floor_of_the_discretized_logistic_is_that_of_pixels_in_the_unit_interval():
  """exp(-7) of pixels that span 2 is exp(-7) / 2 where they span 1; far off, a pixel costs its distance over that."""
  likelihood, x = _likelihood('discretized_logistic', 2001, 0.1), jnp.full((1, 1), 1500)
  nll = likelihood.nll(jax.random.key(0), jnp.array([[[0.0, -100.0]]]), x)
  np.testing.assert_allclose(nll, 499.5 / 2000 / (np.exp(-7) / 2), rtol=1e-2)


@pytest.mark.parametrize(('name', 'levels'), IN_ORDER)
def test_the_outputs_that_fit_a_picture_best_have_it_as_their_mean(name, levels):
  likelihood = _likelihood(name, levels, 0.05)
  where = jnp.linspace(-0.5, 0.5, 81) * (1 if name == 'discretized_logistic' else 8)
  outputs = jnp.stack([where, jnp.full_like(where, -2.0)], -1)[:, None, : likelihood.num_outputs]

  @jax.jit
  def nll(key, x):
    return likelihood.nll(key, outputs, jnp.full((81, 1), x))

  for x in range(levels):
    mean_nll = sum(nll(jax.random.key(index), x) for index in range(30))
    assert likelihood.mean(outputs)[mean_nll.argmin(), 0] == x


def test_a_categorical_likelihood_by_hand():
  """Of logits log(1, 2, 5), whose masses are eighths; at a temperature of 1/2 they go with the squares, 1, 4 and 25."""
  likelihood = _likelihood('categorical', 3, 0.0)
  outputs = jnp.broadcast_to(jnp.log(jnp.array([1.0, 2.0, 5.0])), (20000, 2, 3))
  x = jnp.array([[2, 0], [1, 1]], jnp.uint8)
  nll = likelihood.nll(None, outputs[:2], x)
  np.testing.assert_allclose(nll, -np.log([5 / 64, 4 / 64]), rtol=1e-5)
  np.testing.assert_allclose(
    likelihood.nll(None, outputs[:2], x, x != 2), -np.log([1 / 8, 4 / 64]), rtol=1e-5
  )
  assert (likelihood.mean(outputs) == 2).all() and likelihood.mean(outputs).dtype == jnp.uint8
  np.testing.assert_allclose(likelihood.log_volume, np.log(3), rtol=1e-6)
  masses = {1.0: np.array([1, 2, 5]) / 8, 0.5: np.array([1, 4, 25]) / 30, 0.0: np.array([0, 0, 1])}
  for temperature, mass in masses.items():
    drawn = likelihood.draw(jax.random.key(0), outputs, token_temperature=temperature)
    np.testing.assert_allclose(np.bincount(drawn.reshape(-1), minlength=3) / drawn.size, mass, atol=0.01)


@pytest.mark.parametrize(('name', 'levels'), [('discretized_logistic', LEVELS), ('bernoulli', 2)])
def test_masses_sum_to_one_and_draws_follow_them(name, levels):
  likelihood = _likelihood(name, levels, 0.0)
  outputs = jnp.array([0.1, -0.5])[None, None, : likelihood.num_outputs]
  x = jnp.arange(levels)[:, None]
  nll = likelihood.nll(jax.random.key(0), jnp.broadcast_to(outputs, (levels, *outputs.shape[1:])), x)
  np.testing.assert_allclose(jnp.exp(-nll).sum(), 1.0, rtol=1e-5)
  draws = likelihood.draw(jax.random.key(1), jnp.broadcast_to(outputs, (20000, *outputs.shape[1:])))
  np.testing.assert_allclose(np.bincount(draws[:, 0], minlength=levels) / 20000, jnp.exp(-nll), atol=0.015)
  np.testing.assert_allclose(likelihood.log_volume, np.log(levels), rtol=1e-6)


@pytest.mark.parametrize('name', ['gaussian', 'laplace'])
def test_continuous_data_has_a_density_that_integrates_to_one_and_draws_that_follow_it(name):
  likelihood = _likelihood(name, 0, 0.3)
  x = jnp.linspace(-4, 4, 4001)[:, None]
  outputs = jnp.full((4001, 1, 1), 0.5)
  density = jnp.exp(-likelihood.nll(jax.random.key(0), outputs, x) + likelihood.log_volume)
  np.testing.assert_allclose(density.sum() * 8 / 4000, 1.0, rtol=1e-3)
  variance = (density * (x[:, 0] - 0.5) ** 2).sum() * 8 / 4000
  draws = likelihood.draw(jax.random.key(1), jnp.full((20000, 1, 1), 0.5))
  np.testing.assert_allclose([draws.mean(), draws.var()], [0.5, variance], atol=0.015)
  np.testing.assert_allclose(likelihood.mean(outputs), 0.5)


def test_pixels_are_dequantized_with_the_given_key():
  likelihood = _likelihood('gaussian', 4, 0.1)
  x, outputs = jnp.full((3000, 1), 2), jnp.zeros((3000, 1, 1))
  nll = likelihood.nll(jax.random.key(0), outputs, x)
  # (x - 1/2) / sigma for x uniform on [1/2, 3/4): E[(..)^2] = (1/4)^2 / 3 / 0.01
  expected = 0.5 * (1 / 48 / 0.01) + np.log(0.1) + 0.5 * np.log(2 * np.pi)
  np.testing.assert_allclose(nll.mean(), expected, atol=0.05)
  np.testing.assert_array_equal(nll, likelihood.nll(jax.random.key(0), outputs, x))


def test_what_is_not_a_likelihood_of_the_data_says_so():
  assert _likelihood('bernoulli', 17, 0.0).log_volume is None
  for name in ('bernoulli', 'discretized_logistic', 'categorical'):
    with pytest.raises(ValueError, match='continuous'):
      _likelihood(name, 0, 0.1)
  for name in ('gaussian', 'laplace'):
    with pytest.raises(ValueError, match='positive'):
      _likelihood(name, 17, 0.0)


@pytest.mark.parametrize('name', dict(IN_ORDER))
def test_more_values_than_a_byte_has_are_int32(name):
  likelihood = _likelihood(name, 1000, 0.2)
  outputs = jnp.full((2, 3, likelihood.num_outputs), 50.0).at[0].set(-50.0)
  x = likelihood.mean(outputs)
  assert x.dtype == likelihood.draw(jax.random.key(0), outputs).dtype == jnp.int32
  np.testing.assert_array_equal(x[:, 0], [0, 999])
