"""`jaxgen.models.gan.biggan` at 32x32, in PyTorch."""

import torch
from torch import nn

from experiments.speed.gans.twins.blocks import Conv, Dense, DownBlock, Normalized, SelfAttention, UpBlock

_CHAIN = 16, 16, 8, 4, 2, 1  # channels by ch
_START, _SIDE = 4, 32


class Generator(nn.Module):
  """Latents and a label to images in [-1, 1]; a part of z for the first layer and for each block."""

  def __init__(self, model, classes, layout):
    super().__init__()
    spectral, slope = model['spectral_norm'], model['slope']
    first, *widths = (model['width'] * multiple for multiple in _CHAIN[:4])
    sizes = [len(part) for part in torch.arange(model['latent_dim']).tensor_split(len(widths) + 1)]
    self.embedding = nn.Linear(classes, model['embedding_dim'], bias=False)
    self.dense = Dense(sizes[0], _START**2 * first, spectral)
    self.blocks, self.attention = nn.ModuleList(), nn.ModuleList()
    channels, side = first, _START
    for features, size in zip(widths, sizes[1:], strict=True):
      self.blocks.append(UpBlock(channels, features, size + model['embedding_dim'], spectral, slope))
      channels, side = features, 2 * side
      self.attention.append(
        SelfAttention(channels, spectral) if side == model['attention'] else nn.Identity()
      )
    self.last = nn.Sequential(Normalized(channels, 0, spectral, slope), Conv(channels, 3, 3, spectral))
    self.layout = layout

  def forward(self, z, label):
    first, *parts = z.tensor_split(len(self.blocks) + 1, -1)
    embedding = self.embedding(label)
    h = self.dense(first).reshape(len(z), _START, _START, -1).permute(0, 3, 1, 2)
    h = h.contiguous(memory_format=self.layout)
    for block, attention, part in zip(self.blocks, self.attention, parts, strict=True):
      h = attention(block(h, torch.cat([part, embedding], -1)))
    return torch.tanh(self.last(h))


class Discriminator(nn.Module):
  """Images and a label to logits, by projection of sums over all places."""

  def __init__(self, model, classes):
    super().__init__()
    spectral, slope = model['spectral_norm'], model['slope']
    widths = [model['width'] * multiple for multiple in _CHAIN[::-1]]
    layers, channels, side = [], 3, _SIDE
    for index, features in enumerate(widths):
      halves = index < len(_CHAIN) - 1
      layers.append(DownBlock(channels, features, halves, not index, features, spectral, slope))
      channels, side = features, side // 2
      if halves and side == model['attention']:
        layers.append(SelfAttention(channels, spectral))
    self.trunk = nn.Sequential(*layers, nn.LeakyReLU(slope))
    self.logit, self.projection = Dense(channels, 1, spectral), Dense(classes, channels, spectral, bias=False)

  def forward(self, x, label):
    h = self.trunk(x).sum((2, 3))
    return self.logit(h)[:, 0] + (self.projection(label) * h).sum(-1)


def networks(config: dict, layout) -> tuple[nn.Module, nn.Module]:
  """Generator and discriminator of a config."""
  model, spec = config['model'], config['data']['fields']
  assert model['blocks_per_resolution'] == 1 and list(spec['x']['shape']) == [_SIDE, _SIDE, 3]
  classes = spec['label']['levels']
  return Generator(model, classes, layout), Discriminator(model, classes)
