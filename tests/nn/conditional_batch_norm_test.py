import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgen.nn.conditional_batch_norm import ConditionalBatchNorm

H = 3 * jax.random.normal(jax.random.key(0), (8, 4, 4, 5)) + 2
LABELS = jax.nn.one_hot(jnp.arange(8) % 3, 3)


def _run(layer, variables, h, condition, train=True):
  return layer.apply(variables, h, condition, train, mutable=['batch_stats', 'spectral'])


def test_without_a_condition_and_with_maps_of_zeros_it_is_batch_normalization():
  plain = nn.BatchNorm(use_running_average=False, momentum=0.9)
  expected, state = plain.apply(plain.init(jax.random.key(1), H), H, mutable=['batch_stats'])
  for condition in (None, LABELS):
    layer = ConditionalBatchNorm()
    out, found = _run(layer, layer.init(jax.random.key(1), H, condition, False), H, condition)
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    jax.tree.map(
      np.testing.assert_array_equal, found['batch_stats']['BatchNorm_0'], dict(state['batch_stats'])
    )


def test_each_class_has_a_gain_and_a_bias():
  layer = ConditionalBatchNorm(kernel_init=nn.initializers.normal(1.0))
  variables = layer.init(jax.random.key(1), H, LABELS, False)
  gains, biases = (variables['params'][f'Dense_{index}']['kernel'] for index in range(2))
  assert gains.shape == biases.shape == (3, 5)
  out, _ = _run(layer, variables, H, LABELS)
  normalized = (H - H.mean((0, 1, 2))) / jnp.sqrt(H.var((0, 1, 2)) + 1e-5)
  for example in range(8):
    expected = (1 + gains[example % 3]) * normalized[example] + biases[example % 3]
    np.testing.assert_allclose(out[example], expected, rtol=1e-4, atol=1e-5)


def test_on_four_devices_it_is_what_it_is_on_one():
  settings = dict(spectral=True, kernel_init=nn.initializers.orthogonal())
  one, four = ConditionalBatchNorm(**settings), ConditionalBatchNorm(**settings, axis_name='data')
  variables = one.init(jax.random.key(1), H, LABELS, False)
  whole, state = _run(one, variables, H, LABELS)
  shards = [jnp.reshape(value, (4, 2, *value.shape[1:])) for value in (H, LABELS)]
  parts, states = jax.vmap(
    lambda h, condition: _run(four, variables, h, condition), axis_name='data', axis_size=4
  )(*shards)
  np.testing.assert_allclose(parts.reshape(whole.shape), whole, rtol=1e-5, atol=1e-5)
  everywhere = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (4, *leaf.shape)), state)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), states, everywhere)
