import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.updates import orthogonal_regularization

KERNEL = jax.random.normal(jax.random.key(0), (3, 3, 4, 5))
PARAMS = {'layer': {'kernel': KERNEL, 'bias': jnp.ones(5)}, 'embedding': {'kernel': jnp.ones((4, 2))}}


def _added(params, tx):
  return tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)[0]


def test_what_it_adds_is_the_gradient_of_the_published_term():
  def term(kernel):
    matrix = kernel.reshape(-1, 5)
    return 0.3 * ((matrix.T @ matrix * (1 - jnp.eye(5))) ** 2).sum()

  added = _added(PARAMS, orthogonal_regularization(0.3, without=('embedding',)))
  np.testing.assert_allclose(added['layer']['kernel'], jax.grad(term)(KERNEL), rtol=1e-4)


def test_biases_and_what_it_is_without_are_left_alone():
  added = _added(PARAMS, orthogonal_regularization(0.3, without=('embedding',)))
  assert not added['layer']['bias'].any()
  assert not added['embedding']['kernel'].any()
  assert _added(PARAMS, orthogonal_regularization(0.3))['embedding']['kernel'].all()


def test_filters_become_orthogonal_and_keep_their_lengths_apart():
  params = {'kernel': jax.random.normal(jax.random.key(1), (6, 4)) * jnp.array([0.5, 1.0, 1.5, 2.0])}
  tx = optax.chain(orthogonal_regularization(1.0), optax.sgd(3e-3))

  @jax.jit
  def run(params):
    def step(params, _):
      updates, _ = tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)
      return optax.apply_updates(params, updates), None

    return jax.lax.scan(step, params, length=2000)[0]

  kernel = run(params)['kernel']
  products = kernel.T @ kernel
  np.testing.assert_allclose(products - jnp.diag(jnp.diag(products)), 0, atol=1e-3)
  assert products.diagonal().max() > 2 * products.diagonal().min()


def test_a_weight_below_zero_is_refused():
  with pytest.raises(ValueError, match='not be negative'):
    orthogonal_regularization(-1.0)
