import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgen.nn.sequence import GRU, LSTM

# ours -> flax's cell, whose parameters have the same names
CELLS = {LSTM: nn.OptimizedLSTMCell, GRU: nn.GRUCell}
_B, _T, _D, _WIDTH = 2, 5, 3, 4


@pytest.fixture(scope='module', params=CELLS, ids=lambda layer: layer.__name__)
def pair(request):
  """A layer, flax's recurrent network of the same parameters with biases that are not zero, and inputs."""
  x = jax.random.normal(jax.random.key(0), (_B, _T, _D))
  layer, cell = request.param(_WIDTH), CELLS[request.param](_WIDTH)
  params = cell.init(jax.random.key(1), cell.initialize_carry(jax.random.key(0), (_B, _D)), x[:, 0])
  noise = jax.random.normal(jax.random.key(2), (1000,))
  own = layer.init(jax.random.key(1), x)
  jax.tree.map(np.testing.assert_array_equal, params, own)  # names and first values
  return layer, cell, jax.tree.map(lambda leaf: leaf + noise[: leaf.size].reshape(leaf.shape) / 2, params), x


def _flax(cell, params, x):
  """h of all positions by flax's cell, in a plain loop that differentiates itself."""
  state, outputs = (
    jax.tree.map(lambda leaf: leaf.astype(x.dtype), cell.initialize_carry(jax.random.key(0), x[:, 0].shape)),
    [],
  )
  for t in range(x.shape[1]):
    state, h = cell.apply(params, state, x[:, t])
    outputs.append(h)
  return jnp.stack(outputs, 1)


def _value_and_gradients(function, params, x):
  weight = jax.random.normal(jax.random.key(3), (_B, _T, _WIDTH)).astype(x.dtype)

  def loss(params, x):
    h = function(params, x)
    return (weight * jnp.sin(h)).sum(), h

  gradients, h = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, x)
  return h, gradients


def test_values_and_gradients_are_those_of_flax_to_the_last_digits_of_float64(pair):
  layer, cell, params, x = pair
  with jax.enable_x64(True):
    params, x = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (params, x))
    found = _value_and_gradients(layer.apply, params, x)
    expected = _value_and_gradients(lambda params, x: _flax(cell, params, x), params, x)
    assert found[0].dtype == jnp.float64
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12), found, expected)


def test_values_and_gradients_in_float32_and_bfloat16(pair):
  layer, cell, params, x = pair
  expected = _value_and_gradients(lambda params, x: _flax(cell, params, x), params, x)
  found = _value_and_gradients(layer.apply, params, x)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, expected)
  rough = _value_and_gradients(type(layer)(_WIDTH, jnp.bfloat16).apply, params, x)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0.1, atol=0.1), rough, expected)
  assert rough[0].dtype == jnp.float32  # of states
  assert np.abs(rough[0] - expected[0]).max() > 1e-4


def test_steps_are_the_whole(pair):
  layer, _, params, x = pair
  state = layer.start(_B)
  for t, expected in enumerate(jnp.swapaxes(layer.apply(params, x), 0, 1)):
    state, h = layer.apply(params, state, x[:, t], method='step')
    np.testing.assert_allclose(h, expected, atol=1e-6)
    np.testing.assert_array_equal(h, state[-1])


def test_an_lstm_by_hand():
  """One number wide, all weights 0: c' = sigmoid(b_f) c + sigmoid(b_i) tanh(b_g), with biases of i, f, g, o."""
  biases = dict(zip('ifgo', (0.0, np.log(3.0), 50.0, 0.0), strict=True))
  params = {f'i{gate}': {'kernel': jnp.zeros((1, 1))} for gate in biases}
  for gate, bias in biases.items():
    params[f'h{gate}'] = {'kernel': jnp.zeros((1, 1)), 'bias': jnp.full((1,), bias)}
  h = np.asarray(LSTM(1).apply({'params': params}, jnp.ones((1, 3, 1))))
  np.testing.assert_allclose(h[0, :, 0], np.tanh([0.5, 0.875, 1.15625]) / 2, rtol=1e-6)
