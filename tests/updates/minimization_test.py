import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import updates
from tests.updates.steps import apply, mean, quadratic, state_of


def test_minimize_takes_the_step_of_the_optimizer():
  update = updates.minimize(quadratic(3.0), optax.sgd(0.5))
  state, metrics = apply(update, state_of(update, {'w': 1.0}))
  assert state.params['w'] == 2.0
  assert mean(metrics['loss']) == 2.0
  assert metrics['loss'].count == 4
  assert mean(metrics['grad_norm']) == 2.0


def test_minimize_moves_only_what_wrt_names():
  def loss(params, extra, rng, batch):
    del rng, batch
    value = params['a'] * params['b'] * params['c']
    return value, (extra, {'loss': value})

  update = updates.minimize(loss, optax.sgd(1.0), wrt=('a', 'b'))
  state, metrics = apply(update, state_of(update, {'a': 2.0, 'b': 3.0, 'c': 1.0}))
  assert {key: float(value) for key, value in state.params.items()} == {'a': -1.0, 'b': 1.0, 'c': 1.0}
  assert 'a_b_grad_norm' in metrics


def test_minimize_refuses_a_key_that_is_not_there():
  with pytest.raises(KeyError, match='nobody'):
    updates.minimize(quadratic(0.0), optax.sgd(1.0), wrt='nobody').init({'w': jnp.ones(())})


@pytest.mark.parametrize('name', ['stages', 'pool'])
def test_the_frozen_weights_of_stages_and_pools_stay_what_they_are_across_devices(name):
  """A mean of three equal numbers is that number only up to rounding, and there is one at each step."""
  weights = jax.random.normal(jax.random.key(0), (1000,))
  update = updates.minimize(quadratic(0.0), optax.sgd(0.0), axis_name='data')
  state = state_of(update, {'w': 1.0})._replace(extra={name: {'teacher': weights}, 'moving': weights})
  step = jax.vmap(lambda x: update.apply(state, jax.random.key(0), {'x': x})[0].extra, axis_name='data')
  extra = step(jnp.ones((3, 1)))
  np.testing.assert_array_equal(extra[name]['teacher'][0], weights)
  np.testing.assert_allclose(extra['moving'][0], weights, rtol=1e-6)


def test_minimize_leaves_integer_counters_integers_across_devices():
  def loss(params, extra, rng, batch):
    del rng, batch
    return params['w'] ** 2, ({'count': extra['count'] + 1, 'mean': params['w'] * 2}, {'loss': params['w']})

  update = updates.minimize(loss, optax.sgd(0.0), axis_name='data')
  state = state_of(update, {'w': 1.0})._replace(extra={'count': jnp.int32(0), 'mean': jnp.float32(0)})
  step = jax.vmap(lambda x: update.apply(state, jax.random.key(0), {'x': x}), axis_name='data')
  extra = step(jnp.ones((2, 3)))[0].extra
  assert extra['count'].dtype == jnp.int32
  np.testing.assert_array_equal(extra['mean'], [2.0, 2.0])
