import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn import UpsampledConv, conv, upsampled_conv


def doubled(x):
  for axis in range(1, x.ndim - 1):
    x = x.repeat(2, axis)
  return x


@pytest.mark.parametrize('kernel', [(3, 3), (1, 1), (2, 3), (5, 4), (3,)])
def test_it_is_the_convolution_of_doubled_pixels(kernel):
  x = jax.random.normal(jax.random.key(0), (2, *(5, 4)[: len(kernel)], 3))
  k = jax.random.normal(jax.random.key(1), (*kernel, 3, 4))
  np.testing.assert_allclose(upsampled_conv(x, k), conv(doubled(x), k), rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_doubled_pixels():
  x, k = (
    jax.random.normal(jax.random.key(0), (2, 4, 4, 3)),
    jax.random.normal(jax.random.key(1), (3, 3, 3, 2)),
  )
  ours = jax.grad(lambda x, k: jnp.sin(upsampled_conv(x, k)).sum(), (0, 1))(x, k)
  theirs = jax.grad(lambda x, k: jnp.sin(conv(doubled(x), k)).sum(), (0, 1))(x, k)
  for a, b in zip(ours, theirs, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_module_has_the_parameters_of_a_convolution():
  y, variables = UpsampledConv(6).init_with_output(jax.random.key(0), jnp.ones((2, 4, 4, 3)))
  assert y.shape == (2, 8, 8, 6)
  assert jax.tree.map(jnp.shape, variables['params']) == {'kernel': (3, 3, 3, 6), 'bias': (6,)}
