import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.nn.residual import ResNet
from jaxgen.nn.weight_norm import WeightNormConv

X = jax.random.normal(jax.random.key(0), (2, 4, 4, 3))


def test_a_network_starts_at_zero_and_reads_its_condition_once_it_has_learned():
  network = ResNet(width=8, num_blocks=2, features=5, normalize=lambda: lambda h: h)
  condition = jnp.eye(2)
  variables = network.init(jax.random.key(1), X, condition)
  np.testing.assert_array_equal(network.apply(variables, X, condition), np.zeros((2, 4, 4, 5)))
  draw = np.random.default_rng(0)
  moved = jax.tree.map(lambda leaf: leaf + 0.3 * draw.standard_normal(leaf.shape, np.float32), variables)
  own, other = (network.apply(moved, X, given) for given in (condition, condition[::-1]))
  assert np.abs(own - other).max() > 1e-2


def test_a_block_adds_to_its_input_and_normalizes_before_each_rectifier():
  seen = []

  def normalize():
    return lambda h: seen.append(h.shape) or h

  ResNet(width=8, num_blocks=3, features=5, normalize=normalize).init(jax.random.key(1), X)
  assert seen == [(2, 4, 4, 8)] * 7  # two in a block, one before the last layer


def test_a_kernel_is_its_direction_times_its_length():
  layer = WeightNormConv(6)
  params = layer.init(jax.random.key(1), X)['params']
  start = jax.lax.conv_general_dilated(
    X, params['kernel'], (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  np.testing.assert_allclose(layer.apply({'params': params}, X), start, atol=1e-5)
  other = {**params, 'kernel': 7 * params['kernel'], 'length': 2 * params['length']}
  np.testing.assert_allclose(layer.apply({'params': other}, X), 2 * start, atol=1e-5)
