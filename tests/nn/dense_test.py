"""`Dense` is Linen's, parameters, values and gradients, whatever the rank of its inputs."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn import Dense


@pytest.mark.parametrize('shape', [(3,), (5, 3), (2, 5, 3), (2, 4, 5, 3), (0, 5, 3)])
@pytest.mark.parametrize('dtype', [None, jnp.bfloat16])
def test_it_is_linens(shape, dtype):
  ours, theirs = Dense(7, dtype=dtype), nn.Dense(7, dtype=dtype)
  x = jax.random.normal(jax.random.key(0), shape)
  params = theirs.init(jax.random.key(1), x)
  assert jax.tree.all(jax.tree.map(jnp.array_equal, params, ours.init(jax.random.key(1), x)))

  def loss(layer, params, x):
    return jnp.sum(jnp.sin(layer.apply(params, x).astype(jnp.float32)))

  found, expected = (
    (layer.apply(params, x), jax.grad(loss, (1, 2))(layer, params, x)) for layer in (ours, theirs)
  )
  tolerance = 1e-5 if dtype is None else 0.05
  for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    assert mine.dtype == other.dtype and mine.shape == other.shape
    np.testing.assert_allclose(
      np.asarray(mine, np.float32), np.asarray(other, np.float32), rtol=tolerance, atol=tolerance
    )


def test_the_gradient_of_the_kernel_sums_over_one_axis():
  """Over several it takes a CPU up to three times as long."""
  x, layer = jnp.ones((2, 5, 3)), Dense(7)
  params = layer.init(jax.random.key(0), x)
  traced = jax.make_jaxpr(jax.grad(lambda params: layer.apply(params, x).sum()))(params)
  products = [eqn.params['dimension_numbers'] for eqn in traced.eqns if eqn.primitive.name == 'dot_general']
  assert products and all(len(of_x) == 1 for (of_x, _), _ in products)
