"""What an output of a stack of dilated convolutions depends on, and what it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.sequence import DilatedStack, GatedLayer

# (kernel, dilations), and how far back their outputs see; of a single dilation 3: with a gap between
REACH = {(2, (1, 2, 4)): 8, (2, (1, 2, 1, 2)): 7, (3, (1, 3)): 9, (2, (3,)): None}


def variables_of(network, *args):
  """Parameters far from their beginning, so that every part of the network shows."""
  shapes = jax.eval_shape(network.init, jax.random.key(0), *args)
  noise = np.random.default_rng(0)
  return jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)


@pytest.mark.parametrize(('kernel', 'dilations'), REACH)
def test_an_output_sees_all_that_is_within_reach_before_it_and_nothing_else(kernel, dilations):
  network = DilatedStack(2, 4, 6, dilations, kernel)
  x = jax.random.normal(jax.random.key(1), (1, 12, 1))
  variables = variables_of(network, x)
  jacobian = jax.jit(jax.jacobian(lambda x: network.apply(variables, x)[0].sum(-1)))(x)[:, 0, :, 0]
  distance = np.arange(12)[:, None] - np.arange(12)
  reach = REACH[kernel, dilations]
  seen = (distance > 0) & (distance <= reach) if reach else (distance == 1) | (distance == 4)
  np.testing.assert_array_equal(np.asarray(jacobian) != 0, seen)
  assert network.reach == (reach or 4)


@pytest.mark.parametrize(('kernel', 'told', 'local'), [(2, False, False), (2, True, True), (3, False, True)])
def test_one_position_after_the_other_gives_what_the_whole_does(kernel, told, local):
  """Also past the places of a queue: dilation 4 at 12 positions."""
  network = DilatedStack(3, 4, 6, (1, 4, 2), kernel)
  x = jax.random.normal(jax.random.key(1), (2, 12, 2))
  told = jax.random.normal(jax.random.key(2), (2, 5)) if told else None
  local = jax.random.normal(jax.random.key(3), (2, 4, 3)) if local else None
  variables = variables_of(network, x, told, local)
  whole = jax.jit(network.apply)(variables, x, told, local)

  @jax.jit
  def step(before, index, queues):
    here = None if local is None else local[:, index // 3]
    return network.apply(variables, before, index, queues, told, here, method='step')

  queues = network.apply(variables, 2, method='start')
  assert [queue.shape for queue in queues] == [(2, d * (kernel - 1), 4) for d in (1, 4, 2)]
  for index in range(12):
    before = x[:, index - 1] if index else jnp.zeros((2, 2))
    outputs, queues = step(before, jnp.int32(index), queues)
    np.testing.assert_allclose(outputs, whole[:, index], atol=1e-5)


def test_what_is_known_of_a_part_reaches_its_own_positions_and_what_sees_them():
  network = DilatedStack(2, 4, 6, (1, 2))
  x, local = jax.random.normal(jax.random.key(1), (1, 12, 1)), jnp.zeros((1, 3, 2))
  variables = variables_of(network, x, None, local)
  jacobian = jax.jit(jax.jacobian(lambda c: network.apply(variables, x, None, c)[0].sum(-1)))(local)[:, 0]
  influenced = (np.abs(jacobian) > 0).any(-1)  # [position, part]
  # the second layer reads what the first made of two positions before
  expected = [[4 * part <= t < 4 * part + 6 for part in range(3)] for t in range(12)]
  np.testing.assert_array_equal(influenced, expected)


def test_a_layer_by_hand():
  """Equations 2 and 3 in float64, with what a whole sequence is given and nothing behind its beginning."""
  layer = GatedLayer(width=2, skip_width=3, dilation=2)
  h, condition = jax.random.normal(jax.random.key(0), (1, 4, 2)), jnp.array([[[0.3, -0.2, 0.5, 0.1]]])
  variables = variables_of(layer, h, condition)
  joined, out = (
    {name: np.asarray(leaf, np.float64) for name, leaf in variables['params'][part].items()}
    for part in ('joined', 'out')
  )
  x = np.asarray(h[0], np.float64)
  past = np.concatenate([np.zeros((2, 2)), x[:2]])
  inner = x @ joined['kernel'][:2] + past @ joined['kernel'][2:] + joined['bias'] + np.asarray(condition[0])
  z = np.tanh(inner[:, :2]) / (1 + np.exp(-inner[:, 2:]))
  both = z @ out['kernel'] + out['bias']
  found, skip = layer.apply(variables, h, condition)
  np.testing.assert_allclose(skip[0], both[:, :3], atol=1e-5)
  np.testing.assert_allclose(found[0], x + both[:, 3:], atol=1e-5)
