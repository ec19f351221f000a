import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jaxgen.losses import logistic_mixture
from jaxgen.losses.logistic_mixture import LogisticMixture

NOISE = np.random.default_rng(0)


def _mixture(*shape, components=3):
  size = (*shape, components)
  parts = (NOISE.normal(size=size), NOISE.uniform(size=size), NOISE.normal(-2.0, 0.7, size))
  return LogisticMixture(*(jnp.asarray(part, jnp.float32) for part in parts))


def _mass(x, mean, log_scale, levels):
  """Of one bin, in float64, as the paper writes it."""
  scale, x = np.exp(np.float64(log_scale)), np.asarray(x)
  upper = np.where(x == levels - 1, 1.0, special.expit(((x + 0.5) / (levels - 1) - mean) / scale))
  return upper - np.where(x == 0, 0.0, special.expit(((x - 0.5) / (levels - 1) - mean) / scale))


def test_nll_by_hand():
  # 3 levels; half of the weight has its mean at the middle and a scale of one level, half lies far above
  mixture = LogisticMixture(
    jnp.zeros((3, 1, 2)), jnp.tile(jnp.array([0.5, 9.0]), (3, 1, 1)), jnp.full((3, 1, 2), np.log(0.5))
  )
  half = 1 / (1 + np.exp(-0.5))
  value = logistic_mixture.logistic_mixture_nll(jnp.array([[0], [1], [2]]), mixture, levels=3)
  far = _mass(np.arange(3), 9.0, np.log(0.5), 3)
  expected = -np.log((np.array([1 - half, 2 * half - 1, 1 - half]) + far) / 2)
  np.testing.assert_allclose(value, expected, rtol=1e-6)
  assert far[2] > 0.999


def test_nll_agrees_with_sums_in_float64():
  mixture, x = _mixture(4, 5), jnp.asarray(NOISE.integers(0, 256, (4, 5)))
  weights = special.softmax(np.float64(mixture.logits), axis=-1)
  mass = (weights * _mass(x[..., None], mixture.means, mixture.log_scales, 256)).sum(-1)
  value = logistic_mixture.logistic_mixture_nll(x, mixture, levels=256)
  np.testing.assert_allclose(value, -np.log(mass).sum(1), rtol=1e-5)


@pytest.mark.parametrize('levels', [2, 17, 256, 1000])
@pytest.mark.parametrize('mean', [-30.0, 0.0, 0.3, 1.0, 30.0])
@pytest.mark.parametrize('log_scale', [-50.0, -7.0, -2.0, 4.0, 50.0])
def test_masses_sum_to_one_at_the_extremes_too(levels, mean, log_scale):
  mixture = LogisticMixture(
    jnp.array([1.0, -30.0, 0.3]), jnp.array([mean, 0.5, 0.6]), jnp.array([log_scale, 0.0, log_scale])
  )
  masses = jnp.exp(logistic_mixture.logistic_mixture_log_masses(mixture, levels))
  np.testing.assert_allclose(np.float64(masses).sum(), 1.0, atol=1e-6)


@pytest.mark.parametrize('levels', [2, 3, 256])
def test_masses_of_any_mixture_sum_to_one(levels):
  rng = np.random.default_rng(0)
  size = (500, 5)
  parts = rng.normal(0, 3, size), rng.uniform(0, 1, size), rng.uniform(-9, 2, size)
  mixture = LogisticMixture(*(jnp.asarray(part, jnp.float32) for part in parts))
  masses = jnp.exp(logistic_mixture.logistic_mixture_log_masses(mixture, levels))
  np.testing.assert_allclose(np.float64(masses).sum(-1), 1.0, atol=1e-6)


@pytest.mark.parametrize('log_scale', [-50.0, 50.0])
def test_gradients_are_finite_for_extreme_scales(log_scale):
  x = jnp.array([[0, 3, 255], [7, 255, 0]])
  means, scales = jnp.array([[0.0, 0.5, 1.0]] * 2), jnp.full((2, 3, 2), log_scale)
  parts = (jnp.zeros((2, 2)), jnp.stack([means, 1 - means], -1), scales, jnp.ones((2, 3, 2)))

  def loss(logits, means, log_scales, coefficients):
    mixture = logistic_mixture.coupled(
      x, LogisticMixture(logits, means, log_scales), coefficients, levels=256
    )
    return logistic_mixture.logistic_mixture_nll(x, mixture, levels=256).sum()

  value, gradients = jax.value_and_grad(loss, argnums=(0, 1, 2, 3))(*parts)
  assert all(np.isfinite(array).all() for array in (value, *gradients))


def test_what_is_masked_counts_nowhere():
  mixture, x = _mixture(2, 3), jnp.asarray(NOISE.integers(0, 17, (2, 3)))
  observed = jnp.array([[True, False, True], [False, False, True]])

  def loss(mixture, x):
    return logistic_mixture.logistic_mixture_nll(x, mixture, levels=17, observed=observed)

  each = [
    logistic_mixture.logistic_mixture_nll(
      x[:, i : i + 1], LogisticMixture(*(p[:, i : i + 1] for p in mixture)), levels=17
    )
    for i in range(3)
  ]
  expected = jnp.where(observed, jnp.stack(each, 1), 0).sum(1)
  np.testing.assert_allclose(loss(mixture, x), expected, rtol=1e-6)
  np.testing.assert_array_equal(loss(mixture, jnp.where(observed, x, 1000)), loss(mixture, x))
  gradient = jax.grad(lambda mixture: loss(mixture, x).sum())(mixture)
  for part in gradient:
    assert (part[~observed] == 0).all() and (part[observed] != 0).any()


def test_the_mean_is_that_of_the_masses():
  mixture = _mixture(6)
  masses = np.exp(logistic_mixture.logistic_mixture_log_masses(mixture, 17))
  mean = logistic_mixture.logistic_mixture_mean(mixture, 17)
  np.testing.assert_allclose(mean, (masses * np.arange(17)).sum(-1), rtol=1e-5)
  narrow = LogisticMixture(jnp.zeros(2), jnp.array([0.25, 0.75]), jnp.full(2, -12.0))
  np.testing.assert_allclose(logistic_mixture.logistic_mixture_mean(narrow, 17), 8.0, rtol=1e-6)


def _of_pixels(channels, components=2):
  size = (channels * (channels - 1) // 2, components)
  each = _mixture(channels, components=components)
  return each._replace(logits=each.logits[0]), jnp.asarray(NOISE.normal(size=size), jnp.float32)


def _log_mass(x, mixture, coefficients, levels):
  entries = logistic_mixture.coupled(x, mixture, coefficients, levels=levels)
  return -logistic_mixture.logistic_mixture_nll(
    x[None], jax.tree.map(lambda part: part[None], entries), levels=levels
  )[0]


def test_the_mass_of_a_pixel_is_that_of_equation_3_and_all_masses_sum_to_one():
  levels, (mixture, coefficients) = 5, _of_pixels(3)
  every = jnp.array(list(itertools.product(range(levels), repeat=3)))
  value = jax.vmap(lambda x: _log_mass(x, mixture, coefficients, levels))(every)
  red, green, _ = np.moveaxis(np.float64(every)[..., None] / (levels - 1) - 0.5, 1, 0)
  alpha, beta, gamma = np.float64(coefficients)
  means = np.float64(mixture.means)
  means = [means[0] + 0 * red, means[1] + alpha * red, means[2] + beta * red + gamma * green]
  masses = [_mass(every[:, c, None], means[c], mixture.log_scales[c], levels) for c in range(3)]
  joint = (special.softmax(np.float64(mixture.logits)) * np.prod(masses, axis=0)).sum(-1)
  np.testing.assert_allclose(value, np.log(joint), rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(np.exp(np.float64(value)).sum(), 1.0, atol=1e-6)


def test_a_channel_hears_of_all_before_it_and_of_no_other():
  mixture, coefficients = _of_pixels(3)
  jacobian = jax.jacobian(lambda x: logistic_mixture.coupled(x, mixture, coefficients, levels=17))
  reach = sum(np.abs(part).sum(1) for part in jacobian(jnp.array([3.0, 9.0, 15.0]))) > 0
  np.testing.assert_array_equal(reach, np.tril(np.ones((3, 3), bool), -1))


def test_refuses_what_does_not_fit():
  mixture, x = _mixture(2, 3), jnp.zeros((2, 3), jnp.int32)
  with pytest.raises(ValueError, match='does not fit'):
    logistic_mixture.logistic_mixture_nll(x[:, :2], mixture, levels=17)
  with pytest.raises(TypeError, match='whole numbers'):
    logistic_mixture.logistic_mixture_nll(jnp.zeros((2, 3)), mixture, levels=17)
  with pytest.raises(ValueError, match='2 levels'):
    logistic_mixture.logistic_mixture_nll(x, mixture, levels=1)
