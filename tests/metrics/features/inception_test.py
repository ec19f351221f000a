"""The Inception network is PyTorch's, layer by layer."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgen.metrics.features import inception, inception_weights, torch_weights

_REFERENCE = Path(__file__).parents[3] / 'experiments/speed/torch_inception.py'


@pytest.fixture(scope='module')
def network():
  pytest.importorskip(
    'torch', reason='PyTorch (extra [bench]) is needed to compare the Inception network with it'
  )
  spec = importlib.util.spec_from_file_location('torch_inception', _REFERENCE)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module.randomize(module.TorchInception())


@pytest.fixture(scope='module')
def weights_file(network, tmp_path_factory):
  import torch

  path = tmp_path_factory.mktemp('weights') / 'inception.pth'
  torch.save(network.state_dict(), path)
  return path


def test_equals_pytorch_at_every_named_layer(network, weights_file):
  import torch

  params = inception_weights.convert(torch_weights.load(weights_file))
  x = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype(np.float32)
  ours, captured = jax.jit(
    lambda params, x: inception.InceptionV3().apply({'params': params}, x, mutable='intermediates')
  )(params, x)
  theirs = {}
  for name, module in network.named_modules():
    module.register_forward_hook(lambda m, inputs, out, name=name: theirs.update({name: out}))
  with torch.inference_mode():
    outputs = network(torch.from_numpy(x.transpose(0, 3, 1, 2)))

  units = _flat(captured['intermediates'])
  assert len(units) == 94
  for name, unit in units.items():
    _assert_close(unit, theirs[name], name)
  for name, output in outputs.items():
    _assert_close(ours[name], output, name)
  np.testing.assert_allclose(
    ours['logits_unbiased'], ours['logits'] - network.fc.bias.detach().numpy(), atol=1e-5
  )


def _flat(tree, prefix=''):
  if 'output' in tree:
    return {prefix[:-1]: tree['output'][0]}
  return {k: v for name, sub in tree.items() for k, v in _flat(sub, f'{prefix}{name}.').items()}


def _assert_close(ours, theirs, name):
  theirs = theirs.numpy()
  theirs = theirs.transpose(0, 2, 3, 1) if theirs.ndim == 4 else theirs
  assert 0.5 < np.abs(theirs).max() < 10, name  # large enough to mean something, and no larger
  np.testing.assert_allclose(np.asarray(ours), theirs, atol=1e-4, rtol=0, err_msg=name)
