import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.nn.equalized import EqualizedConv, EqualizedDense, as_used, leaky


@pytest.mark.parametrize('layer', [EqualizedDense(512), EqualizedDense(512, rate=0.01), EqualizedConv(64)])
def test_kept_weights_are_of_one_variance_and_outputs_of_that_of_the_inputs(layer):
  x = jax.random.normal(jax.random.key(0), (256, 32) if isinstance(layer, EqualizedDense) else (16, 8, 8, 32))
  y, variables = layer.init_with_output(jax.random.key(1), x)
  rate = getattr(layer, 'rate', 1.0)
  np.testing.assert_allclose(rate * variables['params']['kernel'].std(), 1.0, rtol=0.02)
  inner = y if y.ndim == 2 else y[:, 1:-1, 1:-1]  # at the edge some inputs are zeros
  np.testing.assert_allclose(inner.std(), 1.0, rtol=0.05)
  np.testing.assert_allclose(leaky(inner).std() ** 2 + leaky(inner).mean() ** 2, 1.04, rtol=0.1)


def test_a_step_of_one_size_moves_small_and_large_layers_alike_and_slow_ones_by_their_rate():
  """Adam's first step moves every kept weight by its rate, whatever the gradient; the weights that are used, of size
  1 / sqrt(inputs), by as much of their size."""
  changes = {}
  for inputs, rate in [(4, 1.0), (400, 1.0), (400, 0.01)]:
    layer, x = EqualizedDense(3, rate=rate), jnp.eye(inputs)
    params = layer.init(jax.random.key(0), x)
    grads = jax.grad(lambda params, layer=layer, x=x: layer.apply(params, x).sum())(params)
    tx = optax.adam(1e-3)
    moved = optax.apply_updates(params, tx.update(grads, tx.init(params))[0])
    bias = layer.apply(moved, 0 * x) - layer.apply(params, 0 * x)
    kernels = [layer.apply(each, x) - layer.apply(each, 0 * x) for each in (params, moved)]
    changes[inputs, rate] = np.abs(kernels[1] - kernels[0]).mean() * np.sqrt(inputs)
    np.testing.assert_allclose(np.abs(bias), 1e-3 * rate, rtol=1e-2)
  for (_, rate), change in changes.items():
    np.testing.assert_allclose(change, 1e-3 * rate, rtol=1e-2)


def test_a_bias_starts_where_it_is_said():
  y, _ = EqualizedDense(3, rate=0.01, bias=1.0).init_with_output(jax.random.key(0), jnp.zeros((2, 5)))
  np.testing.assert_allclose(y, 1.0, rtol=1e-6)
  assert (
    'bias' not in EqualizedConv(3, use_bias=False).init(jax.random.key(0), jnp.zeros((1, 4, 4, 2)))['params']
  )


def test_weights_as_they_are_used_are_those_of_plain_layers():
  x = jax.random.normal(jax.random.key(0), (3, 5))
  slow, y = EqualizedDense(4, rate=0.01, use_bias=False), EqualizedDense(4, use_bias=False)
  params = {name: layer.init(jax.random.key(1), x)['params'] for name, layer in (('slow', slow), ('y', y))}
  used = as_used(params, rates={'slow': 0.01})
  for name, layer in (('slow', slow), ('y', y)):
    expected = layer.apply({'params': params[name]}, x)
    np.testing.assert_allclose(x @ used[name]['kernel'], expected, rtol=1e-5, atol=1e-6)
