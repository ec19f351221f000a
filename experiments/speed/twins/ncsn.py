"""`jaxgen.models.score.ncsn` in PyTorch."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin


def _norm(channels):
  return nn.GroupNorm(max(1, min(8, channels // 4)), channels, eps=1e-6)


class Block(nn.Module):
  """Two convolutions round a skip."""

  def __init__(self, inputs, features, embedding, dropout):
    super().__init__()
    self.norm, self.conv = _norm(inputs), nn.Conv2d(inputs, features, 3, padding=1)
    self.modulation = nn.Linear(embedding, 2 * features)
    self.norm_out, self.drop = _norm(features), nn.Dropout(dropout)
    self.conv_out = nn.Conv2d(features, features, 3, padding=1)
    nn.init.zeros_(self.conv_out.weight)
    self.skip = nn.Identity() if inputs == features else nn.Conv2d(inputs, features, 1)

  def forward(self, x, embedding):
    h = self.conv(F.silu(self.norm(x)))
    scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, 1)
    h = self.drop(F.silu(self.norm_out(h) * (1 + scale) + shift))
    return self.conv_out(h) + self.skip(x)


class ScoreNetwork(nn.Module):
  """The U-Net and its preconditioning."""

  def __init__(self, channels, widths, blocks, sigma_data, dropout):
    super().__init__()
    size = 4 * widths[0]
    self.sigma_data = sigma_data
    self.register_buffer('frequencies', 2.0 ** torch.arange(-3, 5))
    self.embedding = nn.Sequential(nn.Linear(16, size), nn.SiLU(), nn.Linear(size, size), nn.SiLU())
    self.first, previous, skips = nn.Conv2d(channels, widths[0], 3, padding=1), widths[0], []
    self.down, self.up = nn.ModuleList(), nn.ModuleList()
    for index, width in enumerate(widths):
      level = nn.ModuleList([nn.Conv2d(previous, width, 3, 2) if index else nn.Identity()])
      previous = width if index else previous
      for _ in range(blocks):
        level.append(Block(previous, width, size, dropout))
        previous = width
        skips.append(width)
      self.down.append(level)
    self.middle = Block(previous, widths[-1], size, dropout)
    for index, width in reversed(list(enumerate(widths))):
      level = nn.ModuleList()
      for _ in range(blocks):
        level.append(Block(previous + skips.pop(), width, size, dropout))
        previous = width
      if index:
        level.append(nn.Conv2d(previous, widths[index - 1], 3, padding=1))
        previous = widths[index - 1]
      self.up.append(level)
    self.norm, self.last = _norm(previous), nn.Conv2d(previous, channels, 3, padding=1)
    nn.init.zeros_(self.last.weight)

  def forward(self, x, sigma):
    angles = torch.log(sigma)[:, None] * self.frequencies
    embedding = self.embedding(torch.cat([angles.sin(), angles.cos()], 1))
    sigma = sigma.reshape(-1, 1, 1, 1)
    total = torch.sqrt(self.sigma_data**2 + sigma**2)
    return -x / total**2 + self._unet(x / total, embedding) * self.sigma_data / (sigma * total)

  def _unet(self, x, embedding):
    h, skips = self.first(x), []
    for index, (change, *blocks) in enumerate(self.down):
      h = change(F.pad(h, (0, 1, 0, 1))) if index else h  # 'SAME' of an even side pads its end
      for block in blocks:
        h = block(h, embedding)
        skips.append(h)
    h = self.middle(h, embedding)
    for level in self.up:
      for layer in level:
        if isinstance(layer, Block):
          h = layer(torch.cat([h, skips.pop()], 1), embedding)
        else:
          h = layer(F.interpolate(h, scale_factor=2))
    return self.last(F.silu(self.norm(h)))


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, x = config['model'], config['data']['fields']['x']
  shape, levels = x['shape'], x['levels']
  network = ScoreNetwork(shape[2], model['widths'], model['blocks'], model['sigma_data'], model['dropout'])
  network = network.to(memory_format=layout)
  optimizer = Optimizer(network.parameters(), config['optimizer'], config['num_steps'])
  average = Average(network, config['ema_decay'])
  path = model['path']['variance_exploding']
  ends = math.log(path['sigma_max']), math.log(path['sigma_min'])
  sigmas = torch.exp(torch.linspace(*ends, path['num_levels']))

  def step(x):
    x = (x.float() * (2 / (levels - 1)) - 1).contiguous(memory_format=layout)
    sigma = sigmas[torch.randint(0, len(sigmas), (len(x),))]
    noise, scale = torch.randn_like(x), sigma.reshape(-1, 1, 1, 1)
    residual = scale * network(x + scale * noise, sigma) + noise
    (residual.square().flatten(1).sum(1) / 2).mean().backward()
    optimizer.step()
    average.update()

  chain = config['sampler']['annealed']

  def sample(num):
    x = sigmas[0] * torch.randn(num, shape[2], *shape[:2]).contiguous(memory_format=layout)
    for sigma in sigmas:
      level, alpha = sigma.expand(num), 0.1 * sigma**2  # any step: it costs the same
      for _ in range(chain['steps_per_level']):
        x = x + alpha / 2 * average.module(x, level) + torch.sqrt(alpha) * torch.randn_like(x)
    if chain['denoise']:
      x = x + sigmas[-1] ** 2 * average.module(x, sigmas[-1].expand(num))
    return torch.clamp(torch.round((x + 1) * ((levels - 1) / 2)), 0, levels - 1).to(torch.uint8)

  return Twin(list(network.parameters()), step, sample, (network, average.module))
