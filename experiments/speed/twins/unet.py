"""`jaxgen.models.score.unet` in PyTorch, trained and sampled as DDPM is: it says the noise, variance is preserved."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin


def _norm(channels):
  groups = max(1, min(32, channels // 4))
  return nn.GroupNorm(next(n for n in range(groups, 0, -1) if channels % n == 0), channels, eps=1e-6)


class NoiseEmbedding(nn.Module):
  """Sines and cosines of log sigma, and two layers."""

  def __init__(self, features, frequencies):
    super().__init__()
    self.register_buffer('scales', 2.0 ** torch.linspace(-3, 4, frequencies))
    self.first, self.second = nn.Linear(2 * frequencies, features), nn.Linear(features, features)

  def forward(self, log_sigma):
    angles = log_sigma[:, None] * self.scales
    return F.silu(self.second(F.silu(self.first(torch.cat([angles.sin(), angles.cos()], 1)))))


class Block(nn.Module):
  """Two convolutions round a skip."""

  def __init__(self, inputs, features, embedding, model):
    super().__init__()
    self.scales, self.factor = model['scales'], math.sqrt(0.5) if model['rescaled'] else 1.0
    self.norm, self.conv = _norm(inputs), nn.Conv2d(inputs, features, 3, padding=1)
    self.maps = nn.Linear(embedding, (1 + self.scales) * features)
    self.norm_out, self.drop = _norm(features), nn.Dropout(model['dropout'])
    self.conv_out = nn.Conv2d(features, features, 3, padding=1)
    nn.init.zeros_(self.conv_out.weight)
    self.skip = nn.Identity() if inputs == features else nn.Conv2d(inputs, features, 1)

  def forward(self, x, embedding):
    h, maps = self.conv(F.silu(self.norm(x))), self.maps(embedding)[:, :, None, None]
    if self.scales:
      scale, shift = maps.chunk(2, 1)
      h = self.norm_out(h) * (1 + scale) + shift
    else:
      h = self.norm_out(h + maps)
    return (self.conv_out(self.drop(F.silu(h))) + self.skip(x)) * self.factor


class Attention(nn.Module):
  """All places of an image see each other."""

  def __init__(self, channels, model):
    super().__init__()
    self.factor = math.sqrt(0.5) if model['rescaled'] else 1.0
    self.norm = _norm(channels)
    self.maps, self.last = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
    nn.init.zeros_(self.last.weight)

  def forward(self, x):
    places = self.norm(x).flatten(2).transpose(1, 2)
    gathered = F.scaled_dot_product_attention(*self.maps(places).chunk(3, -1))
    return (x + self.last(gathered).transpose(1, 2).reshape(x.shape)) * self.factor


class Upsampled(nn.Conv2d):
  """A convolution of the image with each pixel in four, cut to the sides asked for."""

  def forward(self, x, sides):
    return super().forward(F.interpolate(x, scale_factor=2))[:, :, : sides[0], : sides[1]]


class UNet(nn.Module):
  """The U-Net; modules in the order in which they are used."""

  def __init__(self, shape, model):
    super().__init__()
    widths, blocks, channels = model['widths'], model['blocks'], shape[2]
    size, width = 4 * widths[0], widths[0]
    heights = [-(-shape[0] // 2**index) for index in range(len(widths))]

    def level(previous, width, height):
      attends = height in model['attention']
      attention = Attention(width, model) if attends else nn.Identity()
      return nn.ModuleList([Block(previous, width, size, model), attention])

    self.embedding = NoiseEmbedding(size, max(width // 2, 1))
    self.first, skips = nn.Conv2d(channels, width, 3, padding=1), [width]
    self.down = nn.ModuleList()
    for index, after in enumerate(widths):
      change = nn.Conv2d(width, width, 3, 2) if index else nn.Identity()
      skips += [width] if index else []
      steps = nn.ModuleList()
      for _ in range(blocks):
        steps.append(level(width, after, heights[index]))
        width = after
        skips.append(width)
      self.down.append(nn.ModuleList([change, steps]))
    before, after = (Block(width, width, size, model) for _ in range(2))
    self.middle = nn.ModuleList([before, Attention(width, model), after])
    self.up = nn.ModuleList()
    for index in reversed(range(len(widths))):
      steps = nn.ModuleList()
      for _ in range(blocks + 1):
        steps.append(level(width + skips.pop(), widths[index], heights[index]))
        width = widths[index]
      change = Upsampled(width, width, 3, padding=1) if index else nn.Identity()
      self.up.append(nn.ModuleList([steps, change]))
    self.norm, self.last = _norm(width), nn.Conv2d(width, channels, 3, padding=1)
    nn.init.zeros_(self.last.weight)

  def forward(self, x, sigma):
    embedding = self.embedding(torch.log(sigma))
    h = self.first(x)
    skips = [h]
    for index, (change, steps) in enumerate(self.down):
      if index:
        h = change(F.pad(h, _padding(h)))
        skips.append(h)
      for block, attention in steps:
        h = attention(block(h, embedding))
        skips.append(h)
    before, attention, after = self.middle
    h = after(attention(before(h, embedding)), embedding)
    for steps, change in self.up:
      for block, attention in steps:
        h = attention(block(torch.cat([h, skips.pop()], 1), embedding))
      if skips:
        h = change(h, skips[-1].shape[2:])
    return self.last(F.silu(self.norm(h)))


def _padding(h):
  """Of 'SAME' for three pixels and a stride of two: an even side is padded at its end, an odd one at both."""
  height, width = h.shape[2:]
  return width % 2, 1, height % 2, 1


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, x, sampler = config['model'], config['data']['fields']['x'], config['sampler']
  shape, levels, path = x['shape'], x['levels'], model['path']['variance_preserving']
  assert (model['path']['name'], model['parameterization']) == ('variance_preserving', 'noise')
  assert model['weighting'] == 'noise' and sampler['name'] == 'heun'
  network = UNet(shape, model).to(memory_format=layout)
  optimizer = Optimizer(network.parameters(), config['optimizer'], config['num_steps'])
  average = Average(network, config['ema_decay'])
  betas = np.linspace(path['beta_min'], path['beta_max'], path['num_levels']) / path['num_levels']
  sigmas = np.sqrt(1 / np.cumprod(1 - betas) - 1)
  trained = torch.tensor(sigmas, dtype=torch.float32)
  rho, num_steps = sampler['heun']['rho'], sampler['heun']['num_steps']
  chain = (np.linspace(sigmas[-1] ** (1 / rho), sigmas[0] ** (1 / rho), num_steps) ** rho).tolist()

  def noise(module, noisy, sigma):
    return module(noisy / torch.sqrt(1 + sigma.reshape(-1, 1, 1, 1) ** 2), sigma)

  def step(x):
    x = (x.float() * (2 / (levels - 1)) - 1).contiguous(memory_format=layout)
    sigma = trained[torch.randint(0, len(trained), (len(x),))]
    drawn = torch.randn_like(x)
    error = noise(network, x + sigma.reshape(-1, 1, 1, 1) * drawn, sigma) - drawn
    (error.square().flatten(1).sum(1) / 2).mean().backward()
    optimizer.step()
    average.update()

  def sample(num):
    x = chain[0] * torch.randn(num, shape[2], *shape[:2]).contiguous(memory_format=layout)
    for here, there in zip(chain, [*chain[1:], 0.0], strict=True):
      slope = noise(average.module, x, torch.full((num,), here))
      end = x + (there - here) * slope
      if there:
        slope = (slope + noise(average.module, end, torch.full((num,), there))) / 2
        end = x + (there - here) * slope
      x = end
    return torch.clamp(torch.round((x + 1) * ((levels - 1) / 2)), 0, levels - 1).to(torch.uint8)

  return Twin(list(network.parameters()), step, sample, (network, average.module))
