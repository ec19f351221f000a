import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.self_attention import SelfAttention

X = jax.random.normal(jax.random.key(0), (2, 6, 6, 16))


@pytest.mark.parametrize('spectral', [False, True])
def test_it_starts_as_nothing_and_learns(spectral):
  layer = SelfAttention(spectral)
  y, variables = jax.jit(lambda rng: layer.init_with_output(rng, X, False))(jax.random.key(1))
  np.testing.assert_array_equal(y, X)

  @jax.jit
  @jax.grad
  def slope(params):
    return (layer.apply({**variables, 'params': params}, X, False) * X[..., ::-1]).sum()

  assert slope(variables['params'])['gamma'] != 0


def test_each_place_gathers_values_from_all_in_proportion_to_their_scores():
  layer = SelfAttention(spectral=False)
  params = {**layer.init(jax.random.key(1), X, False)['params'], 'gamma': jnp.float32(0.5)}
  to_queries, to_keys, to_values, back = (params[f'Dense_{index}']['kernel'] for index in range(4))
  assert [kernel.shape for kernel in (to_queries, to_keys, to_values, back)] == [
    (16, 2), (16, 2), (16, 8), (8, 16)
  ]  # fmt: skip

  def pooled(h):
    return h.reshape(2, 3, 2, 3, 2, -1).max((2, 4)).reshape(2, 9, -1)

  scores = jnp.einsum('bpc,bqc->bpq', (X @ to_queries).reshape(2, 36, -1), pooled(X @ to_keys))
  weights = jnp.exp(scores) / jnp.exp(scores).sum(-1, keepdims=True)
  gathered = jnp.einsum('bpq,bqc->bpc', weights, pooled(X @ to_values)) @ back
  np.testing.assert_allclose(
    layer.apply({'params': params}, X, False), X + 0.5 * gathered.reshape(X.shape), rtol=1e-4, atol=1e-5
  )


def test_sides_may_be_odd():
  x = X[:, :5, :5]
  assert SelfAttention(spectral=True).init_with_output(jax.random.key(1), x, False)[0].shape == x.shape
