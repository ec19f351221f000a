import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.bijectors import InvertibleConv

SIZE = 6


@functools.cache
def initialized(seed=0):
  init = jax.jit(lambda rng: InvertibleConv().init(rng, jnp.ones((1, SIZE)), method='forward_and_log_det'))
  return init(jax.random.key(seed))


def matrix(variables):
  """`W`: its columns are the images of the unit vectors."""
  z, _ = InvertibleConv().apply(variables, jnp.eye(SIZE), method='forward_and_log_det')
  return np.asarray(z).T


def test_it_starts_as_a_rotation():
  variables = initialized()
  w = matrix(variables)
  np.testing.assert_allclose(w @ w.T, np.eye(SIZE), atol=1e-5)
  assert np.abs(w - np.eye(SIZE)).max() > 0.3
  _, log_det = InvertibleConv().apply(variables, jnp.ones((2, 4, 4, SIZE)), method='forward_and_log_det')
  np.testing.assert_allclose(log_det, 0, atol=1e-3)


def test_the_matrix_is_the_product_of_equation_10():
  variables = initialized()
  params = jax.tree.map(lambda p: p + 0.3, variables['params'])
  constants = variables['constants']
  lower = np.tril(params['lower'], -1) + np.eye(SIZE)
  upper = np.triu(params['upper'], 1) + np.diag(constants['sign'] * np.exp(params['log_scale']))
  w = np.asarray(constants['permutation']) @ lower @ upper
  np.testing.assert_allclose(matrix({'params': params, 'constants': constants}), w, atol=1e-5)


def test_it_is_one_matrix_at_every_pixel():
  x = np.random.default_rng(0).standard_normal((2, 3, 4, SIZE)).astype(np.float32)
  z, _ = InvertibleConv().apply(initialized(), x, method='forward_and_log_det')
  np.testing.assert_allclose(z, np.einsum('bhwi,oi->bhwo', x, matrix(initialized())), atol=1e-5)


def test_copies_differ_and_the_permutation_is_not_a_parameter():
  first, second = initialized(), initialized(seed=1)
  assert np.abs(matrix(first) - matrix(second)).max() > 0.1
  assert set(first['params']) == {'lower', 'upper', 'log_scale'}
