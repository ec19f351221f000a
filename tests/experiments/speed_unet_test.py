"""The U-Net's twin in PyTorch, where that is installed: it computes what jaxgen's network computes."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.speed.cases import CASES, settings
from jaxgen import experiment

torch = pytest.importorskip('torch', reason="needs pip install -e '.[bench]'")
KINDS = {'Conv2d': 'Conv', 'Linear': 'Dense', 'GroupNorm': 'GroupNorm', 'Upsampled': 'UpsampledConv'}


def layers(module):
  """Its submodules in the order in which they are used, lists taken apart."""
  for child in module.children():
    yield from layers(child) if isinstance(child, torch.nn.ModuleList) else [child]


def fill(module, params):
  """Sets the weights of a twin to those of Linen's module of the same layers."""
  counts = Counter()
  for child in layers(module):
    kind = KINDS.get(type(child).__name__, type(child).__name__)
    mine = params.get(f'{kind}_{counts[kind]}')
    counts[kind] += 1
    if mine is None:  # nn.Identity, nn.Dropout
      continue
    if not hasattr(child, 'weight'):
      fill(child, mine)
      continue
    weight = np.array(mine.get('kernel', mine.get('scale')))
    turned = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[weight.ndim]
    with torch.no_grad():
      child.weight.copy_(torch.from_numpy(weight.transpose(turned)))
      child.bias.copy_(torch.from_numpy(np.array(mine['bias'])))


@pytest.mark.parametrize('changes', [{}, {'scales': False, 'rescaled': True, 'blocks': 2}])
def test_with_the_same_weights_it_gives_the_same_outputs(changes):
  from experiments.speed.twins import unet as twin
  from jaxgen.models.score.unet import UNet

  model = (
    dict(widths=(8, 12, 5), blocks=1, attention=(4,), scales=True, rescaled=False, dropout=0.0) | changes
  )
  network, theirs = UNet(**model), twin.UNet((7, 6, 3), model)
  x, sigma = jax.random.normal(jax.random.key(0), (2, 7, 6, 3)), jnp.array([0.02, 30.0])
  params = jax.jit(lambda: network.init(jax.random.key(1), x, sigma, {}, False))()['params']
  leaves, structure = jax.tree.flatten(params)
  assert sum(leaf.size for leaf in leaves) == sum(p.numel() for p in theirs.parameters())
  shaken = [leaf + 0.3 * jax.random.normal(jax.random.key(i), leaf.shape) for i, leaf in enumerate(leaves)]
  params = structure.unflatten(shaken)
  fill(theirs, params)
  ours = jax.jit(network.apply, static_argnums=4)({'params': params}, x, sigma, {}, False)
  with torch.inference_mode():
    images = torch.from_numpy(np.array(x)).permute(0, 3, 1, 2)
    y = theirs(images, torch.from_numpy(np.array(sigma))).permute(0, 2, 3, 1).numpy()
  np.testing.assert_allclose(y, ours, rtol=1e-3, atol=1e-3 * float(jnp.abs(ours).max()))


def test_it_takes_a_step_and_draws_samples_with_as_many_parameters():
  from experiments.speed.twins import unet as twin

  config = settings(CASES['unet_mnist'])
  made = twin.build(config.to_dict(), torch.channels_last)
  params, _ = jax.eval_shape(experiment.build_model(config).init, jax.random.key(0), {})
  assert sum(p.numel() for p in made.parameters) == sum(leaf.size for leaf in jax.tree.leaves(params))
  before = [p.clone() for p in made.parameters]
  for _ in range(2):  # the rate of the first step is 0
    made.step(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
  assert any((a != b).any() for a, b in zip(before, made.parameters, strict=True))
  with torch.inference_mode():
    x = made.sample(2)
  assert x.shape == (2, 1, 28, 28) and x.dtype == torch.uint8
