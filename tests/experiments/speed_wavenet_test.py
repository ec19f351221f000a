"""The twin of WaveNet in PyTorch, where that is installed, computes the same: whole, and off its queues."""

import jax
import numpy as np
import pytest

from experiments.speed.cases import CASES, settings
from jaxgen import experiment
from jaxgen.models.autoregressive import wavenet

torch = pytest.importorskip('torch', reason="needs pip install -e '.[bench]'")


@pytest.fixture(scope='module')
def config():
  changes = {'model.width': 4, 'model.skip_width': 6, 'model.num_dilations': 3}
  case = CASES['wavenet_strings']
  return settings(case._replace(shape=(20, 1), changes={**case.changes, **changes}))


def fill(theirs, params):
  """Sets the weights of the twin to those of the network."""
  stack = params['stack']
  ours = [stack['first']]
  for n in range(len(theirs.layers)):
    ours += [stack[f'layers_{n}']['joined'], stack[f'layers_{n}']['out']]
  layers = [module.layer for module in theirs.modules() if hasattr(module, 'layer')]
  for layer, mine in zip(layers, [*ours, stack['hidden'], stack['last']], strict=True):
    kernel = np.array(mine['kernel'])
    if layer.weight.ndim == 3:  # the farthest position comes first
      taps = layer.weight.shape[2]
      kernel = kernel.reshape(taps, -1, kernel.shape[1])[::-1].transpose(2, 1, 0)
    with torch.no_grad():
      layer.weight.copy_(torch.from_numpy(kernel.T.copy() if layer.weight.ndim == 2 else kernel.copy()))
      layer.bias.copy_(torch.from_numpy(np.array(mine['bias'])))


@pytest.mark.parametrize('rows', [True, False])
def test_with_the_same_weights_it_gives_the_same_outputs(config, rows):
  from experiments.speed.twins import wavenet as twin

  network, levels = wavenet.network(config), 256
  x = jax.random.randint(jax.random.key(0), (2, 20, 1), 0, levels)
  shapes = jax.eval_shape(network.init, jax.random.key(0), x, {}, False)['params']
  noise = np.random.default_rng(0)
  params = jax.tree.map(lambda leaf: noise.normal(0, 0.5, leaf.shape).astype(np.float32), shapes)
  ours = jax.jit(lambda: network.apply({'params': params}, x, {}, False))()[:, :, 0]
  theirs = twin.WaveNet(levels, 4, 6, network.dilations, 2, rows)
  fill(theirs, params)
  y = (2 * torch.from_numpy(np.array(x)).float() + 1) / levels - 1
  with torch.inference_mode():
    np.testing.assert_allclose(theirs(y), ours, rtol=1e-4, atol=1e-4)
    position, queues, before = twin.Position(theirs), theirs.queues(2), torch.zeros(2, 1)
    for index in range(20):
      outputs = position(before, torch.tensor([index]), queues)
      np.testing.assert_allclose(outputs, ours[:, index], rtol=1e-4, atol=1e-4)
      before = y[:, index]


def test_it_takes_a_step_and_draws_samples_with_as_many_parameters(config):
  from experiments.speed.twins import wavenet as twin

  made = twin.build(config.to_dict(), torch.channels_last)
  params, _ = jax.eval_shape(experiment.build_model(config).init, jax.random.key(0), {})
  assert sum(p.numel() for p in made.parameters) == sum(leaf.size for leaf in jax.tree.leaves(params))
  before = [p.clone() for p in made.parameters]
  for _ in range(2):  # the rate of the first step is 0
    made.step(torch.zeros(2, 20, 1, dtype=torch.uint8))
  assert any((a != b).any() for a, b in zip(before, made.parameters, strict=True))
  with torch.inference_mode():
    x = made.sample(2)
  assert x.shape == (2, 20, 1) and x.dtype == torch.uint8
