import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import ActNorm, Chain, Inverse, InvertibleConv, Repeated

RNG = jax.random.key(0)


def initialize(bijector, x):
  return jax.jit(lambda x: bijector.init_with_output(RNG, x, method='forward_and_log_det'))(x)


def moments(x):
  axes = tuple(range(x.ndim - 1))
  return np.mean(x, axes), np.var(x, axes)


@pytest.mark.parametrize('shape', [(64, 3), (16, 4, 5, 3)])
@pytest.mark.parametrize('bijector', [ActNorm(), Inverse(ActNorm())])
def test_what_leaves_it_at_initialization_is_standardized(bijector, shape):
  x = 5 + jnp.array([0.1, 2.0, 30.0]) * jax.random.normal(RNG, shape)
  (z, _), _ = initialize(bijector, x)
  mean, variance = moments(z)
  np.testing.assert_allclose(mean, 0, atol=1e-4)
  np.testing.assert_allclose(variance, 1, atol=1e-4)


def test_the_log_det_counts_every_pixel():
  x = 3.0 * jax.random.normal(RNG, (8, 4, 5, 2))
  (_, log_det), variables = initialize(ActNorm(), x)
  np.testing.assert_allclose(log_det, np.full(8, 20 * variables['params']['log_scale'].sum()), rtol=1e-5)


@pytest.mark.parametrize('value', [0.0, 0.1, -1234.5])
def test_a_constant_channel_is_centred_and_nothing_else(value):
  x = jnp.stack([jnp.full((7, 4), value), jax.random.normal(RNG, (7, 4))], -1)
  (z, log_det), variables = initialize(ActNorm(), x)
  assert np.all(np.isfinite(z)) and np.all(np.isfinite(log_det))
  np.testing.assert_allclose(z[..., 0], 0, atol=1e-3)
  assert variables['params']['log_scale'][0] == 0


def test_a_single_example_initializes_without_nan():
  (z, log_det), _ = initialize(ActNorm(), jnp.ones((1, 5)))
  assert np.all(z == 0) and np.all(log_det == 0)


def test_each_copy_in_a_scan_is_initialized_by_what_the_one_before_makes():
  x = 3.0 + 2.0 * jax.random.normal(RNG, (128, 4))
  step = Chain((InvertibleConv(), ActNorm()))
  _, variables = initialize(Repeated(step, 3), x)
  for index in range(3):
    own = jax.tree.map(lambda leaf, i=index: leaf[i], variables)
    own = {collection: tree['bijector'] for collection, tree in own.items()}
    x, _ = step.apply(own, x, method='forward_and_log_det')
    mean, variance = moments(x)
    np.testing.assert_allclose(mean, 0, atol=1e-4)
    np.testing.assert_allclose(variance, 1, atol=1e-4)


def test_its_parameters_are_learned_not_recomputed():
  x = jax.random.normal(RNG, (32, 3))
  _, variables = initialize(ActNorm(), x)
  z, _ = ActNorm().apply(variables, 10 * x, method='forward_and_log_det')
  assert z.std() > 5
