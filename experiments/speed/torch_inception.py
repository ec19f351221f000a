"""The Inception network of the Fréchet distance in PyTorch: what `jaxgen.metrics.features.inception` is held to.

Its parameters have the names of the published weights file. Layers as in Szegedy et al., "Rethinking the
Inception architecture for computer vision", figures 5 to 7 and table 1.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
  """Convolution without bias, batch normalization, ReLU."""

  def __init__(self, inputs, features, kernel=1, stride=1, padding=0):
    super().__init__()
    self.conv = nn.Conv2d(inputs, features, kernel, stride, padding, bias=False)
    self.bn = nn.BatchNorm2d(features, eps=1e-3)

  def forward(self, x):
    return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):
  """Branches side by side: each is a chain of units, of a fork of units at its end, or of a pooling first."""

  def __init__(self, units, branches):
    super().__init__()
    for name, args in units.items():
      self.add_module(name, Unit(*args))
    self.branches = branches

  def forward(self, x):
    return torch.cat([self._branch(x, branch) for branch in self.branches], 1)

  def _branch(self, x, steps):
    for step in steps:
      if callable(step):
        x = step(x)
      elif isinstance(step, tuple):
        x = torch.cat([getattr(self, name)(x) for name in step], 1)
      else:
        x = getattr(self, step)(x)
    return x


def average(x):
  """The mean of 3x3 pixels; zeros beyond the border do not count."""
  return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def maximum(x):
  """The maximum of 3x3 pixels, every other one."""
  return F.max_pool2d(x, 3, 2)


def block_a(c, pooled):
  """35x35 pixels, `c` channels."""
  units = {
    'branch1x1': (c, 64),
    'branch5x5_1': (c, 48),
    'branch5x5_2': (48, 64, 5, 1, 2),
    'branch3x3dbl_1': (c, 64),
    'branch3x3dbl_2': (64, 96, 3, 1, 1),
    'branch3x3dbl_3': (96, 96, 3, 1, 1),
    'branch_pool': (c, pooled),
  }
  three = [f'branch3x3dbl_{i}' for i in (1, 2, 3)]
  return Block(units, [['branch1x1'], ['branch5x5_1', 'branch5x5_2'], three, [average, 'branch_pool']])


def block_b(c):
  """35x35 to 17x17 pixels."""
  units = {
    'branch3x3': (c, 384, 3, 2),
    'branch3x3dbl_1': (c, 64),
    'branch3x3dbl_2': (64, 96, 3, 1, 1),
    'branch3x3dbl_3': (96, 96, 3, 2),
  }
  return Block(units, [['branch3x3'], [f'branch3x3dbl_{i}' for i in (1, 2, 3)], [maximum]])


def block_c(c, w):
  """17x17 pixels, `w` channels within."""
  row, column = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
  units = {
    'branch1x1': (c, 192),
    'branch7x7_1': (c, w),
    'branch7x7_2': (w, w, *row),
    'branch7x7_3': (w, 192, *column),
    'branch7x7dbl_1': (c, w),
    'branch7x7dbl_2': (w, w, *column),
    'branch7x7dbl_3': (w, w, *row),
    'branch7x7dbl_4': (w, w, *column),
    'branch7x7dbl_5': (w, 192, *row),
    'branch_pool': (c, 192),
  }
  seven = [f'branch7x7_{i}' for i in (1, 2, 3)]
  double = [f'branch7x7dbl_{i}' for i in (1, 2, 3, 4, 5)]
  return Block(units, [['branch1x1'], seven, double, [average, 'branch_pool']])


def block_d(c):
  """17x17 to 8x8 pixels."""
  units = {
    'branch3x3_1': (c, 192),
    'branch3x3_2': (192, 320, 3, 2),
    'branch7x7x3_1': (c, 192),
    'branch7x7x3_2': (192, 192, (1, 7), 1, (0, 3)),
    'branch7x7x3_3': (192, 192, (7, 1), 1, (3, 0)),
    'branch7x7x3_4': (192, 192, 3, 2),
  }
  seven = [f'branch7x7x3_{i}' for i in (1, 2, 3, 4)]
  return Block(units, [['branch3x3_1', 'branch3x3_2'], seven, [maximum]])


def block_e(c, pool):
  """8x8 pixels."""
  row, column = ((1, 3), 1, (0, 1)), ((3, 1), 1, (1, 0))
  units = {
    'branch1x1': (c, 320),
    'branch3x3_1': (c, 384),
    'branch3x3_2a': (384, 384, *row),
    'branch3x3_2b': (384, 384, *column),
    'branch3x3dbl_1': (c, 448),
    'branch3x3dbl_2': (448, 384, 3, 1, 1),
    'branch3x3dbl_3a': (384, 384, *row),
    'branch3x3dbl_3b': (384, 384, *column),
    'branch_pool': (c, 192),
  }
  three = ['branch3x3_1', ('branch3x3_2a', 'branch3x3_2b')]
  double = ['branch3x3dbl_1', 'branch3x3dbl_2', ('branch3x3dbl_3a', 'branch3x3dbl_3b')]
  return Block(units, [['branch1x1'], three, double, [pool, 'branch_pool']])


class TorchInception(nn.Module):
  """f32[B, 3, 299, 299] in [-1, 1] -> {name: output}, in order."""

  def __init__(self):
    super().__init__()
    self.Conv2d_1a_3x3 = Unit(3, 32, 3, 2)
    self.Conv2d_2a_3x3 = Unit(32, 32, 3)
    self.Conv2d_2b_3x3 = Unit(32, 64, 3, 1, 1)
    self.Conv2d_3b_1x1 = Unit(64, 80)
    self.Conv2d_4a_3x3 = Unit(80, 192, 3)
    self.Mixed_5b = block_a(192, 32)
    self.Mixed_5c = block_a(256, 64)
    self.Mixed_5d = block_a(288, 64)
    self.Mixed_6a = block_b(288)
    self.Mixed_6b = block_c(768, 128)
    self.Mixed_6c = block_c(768, 160)
    self.Mixed_6d = block_c(768, 160)
    self.Mixed_6e = block_c(768, 192)
    self.Mixed_7a = block_d(768)
    self.Mixed_7b = block_e(1280, average)
    self.Mixed_7c = block_e(2048, lambda x: F.max_pool2d(x, 3, 1, 1))
    self.fc = nn.Linear(2048, 1008)

  def forward(self, x):
    layers = {}
    for name, layer in self.named_children():
      if name == 'fc':
        break
      layers[name] = x = layer(x)
      if name in ('Conv2d_2b_3x3', 'Conv2d_4a_3x3'):
        x = maximum(x)
    layers['features'] = x.mean((2, 3))
    layers['logits'] = self.fc(layers['features'])
    return layers


def randomize(network: nn.Module, seed: int = 0) -> nn.Module:
  """Random weights and statistics that keep activations near 1 through all layers."""
  generator = torch.Generator().manual_seed(seed)
  with torch.no_grad():
    for module in network.modules():
      if isinstance(module, nn.Conv2d):
        fan_in = module.weight[0].numel()
        module.weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
      if isinstance(module, nn.BatchNorm2d):
        module.weight.uniform_(0.8, 1.2, generator=generator)
        module.bias.uniform_(-0.2, 0.2, generator=generator)
        module.running_mean.uniform_(-0.2, 0.2, generator=generator)
        module.running_var.uniform_(0.8, 1.2, generator=generator)
  return network.eval()
