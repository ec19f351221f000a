"""`jaxgen.models.gan.sngan` of one width at 32x32, without labels, in PyTorch."""

import torch
from torch import nn

from experiments.speed.gans.twins.blocks import Conv, Dense, DownBlock, Normalized, UpBlock

_START, _DOUBLINGS = 4, 3


class Generator(nn.Module):
  """Latents to images in [-1, 1]."""

  def __init__(self, model, layout):
    super().__init__()
    width = model['generator_width']
    self.dense = Dense(model['latent_dim'], _START**2 * width, False)
    self.layers = nn.Sequential(
      *(UpBlock(width, width, 0, False, 0.0) for _ in range(_DOUBLINGS)),
      Normalized(width, 0, False, 0.0),
      Conv(width, 3, 3, False),
      nn.Tanh(),
    )
    self.layout = layout

  def forward(self, z):
    h = self.dense(z).reshape(len(z), _START, _START, -1).permute(0, 3, 1, 2)
    return self.layers(h.contiguous(memory_format=self.layout))


class Discriminator(nn.Module):
  """Images to logits: two blocks that halve, two that keep, sums over all places."""

  def __init__(self, width):
    super().__init__()
    blocks = [
      DownBlock(width if index else 3, width, index < 2, not index, width, True, 0.0) for index in range(4)
    ]
    self.trunk, self.logit = nn.Sequential(*blocks, nn.ReLU()), Dense(width, 1, True)

  def forward(self, x):
    return self.logit(self.trunk(x).sum((2, 3)))[:, 0]


def networks(config: dict, layout: torch.memory_format) -> tuple[nn.Module, nn.Module]:
  """Generator and discriminator of a config."""
  model = config['model']
  assert not model['growing'] and not config['given']
  return Generator(model, layout), Discriminator(model['discriminator_width'])
