import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.spectral_norm import SpectralConv, SpectralDense, SpectralNorm


def _largest_singular_value(kernel):
  return np.linalg.svd(np.asarray(kernel).reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


@pytest.mark.parametrize(
  'layer, x', [(SpectralConv(5), jnp.ones((2, 4, 4, 3))), (SpectralDense(5), jnp.ones((2, 3)))]
)
def test_the_weight_is_divided_by_its_largest_singular_value(layer, x):
  variables = layer.init(jax.random.key(0), x, False)
  sigma = _largest_singular_value(variables['params']['kernel'])
  scaled = {**variables, 'params': {**variables['params'], 'kernel': variables['params']['kernel'] / sigma}}
  # The plain layer with the exactly normalized kernel gives the same output: iteration has converged at init.
  expected = (
    jax.lax.conv_general_dilated(
      x, scaled['params']['kernel'], (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )
    if x.ndim == 4
    else x @ scaled['params']['kernel']
  )
  np.testing.assert_allclose(layer.apply(variables, x, False), expected, rtol=1e-3, atol=1e-4)


def test_iterations_follow_a_changing_kernel_in_training_only():
  kernel = jax.random.normal(jax.random.key(1), (6, 4))
  norm = SpectralNorm()
  variables = norm.init(jax.random.key(0), jax.random.normal(jax.random.key(2), (6, 4)), False)
  _, same = norm.apply(variables, kernel, False, mutable=['spectral'])
  jax.tree.map(np.testing.assert_array_equal, same['spectral'], variables['spectral'])
  for _ in range(50):
    normalized, variables = norm.apply(variables, kernel, True, mutable=['spectral'])
  np.testing.assert_allclose(_largest_singular_value(normalized), 1.0, rtol=1e-5)
  # Read-only application, as in evaluation, uses the vector found.
  np.testing.assert_allclose(
    norm.apply(variables, kernel, True), kernel / _largest_singular_value(kernel), rtol=1e-4
  )


def test_gradient_is_that_of_the_normalized_matrix():
  kernel = jax.random.normal(jax.random.key(1), (6, 4))
  weights = jax.random.normal(jax.random.key(2), (6, 4))
  variables = SpectralNorm().init(jax.random.key(0), kernel, False)
  for _ in range(50):
    _, variables = SpectralNorm().apply(variables, kernel, True, mutable=['spectral'])
  found = jax.grad(lambda k: (weights * SpectralNorm().apply(variables, k, False)).sum())(kernel)
  exact = jax.grad(lambda k: (weights * k).sum() / jnp.linalg.norm(k, ord=2))(kernel)
  np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-4)
