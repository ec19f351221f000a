import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


def test_it_starts_as_the_matrix_that_is_given():
  weight = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [-1.0, 1.0, 0.0]])
  x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
  conv = InvertibleConv(weight)
  (z, log_det), _ = conv.init_with_output(jax.random.key(0), x, method='forward_and_log_det')
  np.testing.assert_allclose(z, x @ weight.T, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(log_det, np.full(4, np.linalg.slogdet(weight)[1]), rtol=1e-5)


@pytest.mark.parametrize(
  ('weight', 'sentence'),
  [
    (np.ones((2, 2)), 'a singular start matrix of 2 channels has no inverse'),
    (np.array([[1.0, 1.0], [1.0, 1.0 + 1e-8]]), 'a singular start matrix'),
    (np.zeros((3, 3)), 'a singular start matrix of 3 channels'),
    (np.ones((2, 3)), r'must be square, not of shape \(2, 3\)'),
    (np.array([[np.nan, 0], [0, 1]]), 'must be finite'),
  ],
)
def test_a_start_without_an_inverse_is_refused_when_it_is_made(weight, sentence):
  with pytest.raises(ValueError, match=sentence):
    InvertibleConv(weight)


def test_a_start_of_other_channels_is_refused_with_the_shape():
  with pytest.raises(ValueError, match=r'of 2 channels does not fit an example of shape \(4, 4, 3\)'):
    InvertibleConv(np.eye(2)).latent_shape((4, 4, 3))
