"""`jaxgen.models.vae.vae_mlp` and `vae_conv` with the discretized logistic likelihood, in PyTorch."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin


class _Unflatten(nn.Module):
  def __init__(self, shape, layout):
    super().__init__()
    self.shape, self.layout = shape, layout

  def forward(self, x):
    return x.reshape(-1, *self.shape).contiguous(memory_format=self.layout)


class _Cut(nn.Module):
  def __init__(self, height, width):
    super().__init__()
    self.height, self.width = height, width

  def forward(self, x):
    return x[:, :, : self.height, : self.width]


def _dense(sizes):
  layers = []
  for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
    layers += [nn.Linear(inputs, outputs), nn.SiLU()]
  return layers


def _perceptrons(model, shape, layout):
  del layout
  size, hidden, latent = math.prod(shape), list(model['hidden']), model['latent_dim']
  encoder = nn.Sequential(nn.Flatten(), *_dense([size, *hidden]), nn.Linear(hidden[-1], 2 * latent))
  decoder = nn.Sequential(*_dense([latent, *reversed(hidden)]), nn.Linear(hidden[0], 2 * size))
  return encoder, decoder


def _convolutions(model, shape, layout):
  height, width, image_channels = shape
  channels, hidden, latent = list(model['channels']), model['hidden'][-1], model['latent_dim']
  down, up, previous = [], [], image_channels
  for features in channels:
    down += [nn.Conv2d(previous, features, 4, 2, 1), nn.SiLU()]
    previous = features
  for features in reversed(channels):
    up += [nn.ConvTranspose2d(previous, features, 4, 2, 1), nn.SiLU()]
    previous = features
  small = (channels[-1], *(-(-side // 2 ** len(channels)) for side in (height, width)))
  encoder = nn.Sequential(
    *down, nn.Flatten(), *_dense([math.prod(small), hidden]), nn.Linear(hidden, 2 * latent)
  )
  decoder = nn.Sequential(
    *_dense([latent, hidden, math.prod(small)]),
    _Unflatten(small, layout),
    *up,
    nn.Conv2d(previous, 2 * image_channels, 3, padding=1),
    _Cut(height, width),
  )
  return encoder, decoder


_NETWORKS = {'jaxgen.models.vae.vae_mlp': _perceptrons, 'jaxgen.models.vae.vae_conv': _convolutions}


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, x = config['model'], config['data']['fields']['x']
  shape, levels = x['shape'], x['levels']
  assert model['likelihood'] == 'discretized_logistic'
  networks = nn.ModuleList(_NETWORKS[config['module']](model, shape, layout)).to(memory_format=layout)
  encoder, decoder = networks
  optimizer = Optimizer(networks.parameters(), config['optimizer'], config['num_steps'])
  average = Average(networks, config['ema_decay'])
  count = 0

  def step(x):
    nonlocal count
    inputs = (x.float() * (2 / (levels - 1)) - 1).contiguous(memory_format=layout)
    mean, log_var = encoder(inputs).chunk(2, 1)
    z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
    reconstruction = _nll(decoder(z), x.float(), levels)
    kl = 0.5 * (mean.square() + torch.expm1(log_var) - log_var).sum(1)
    warmth = min(1.0, count / model['kl_warmup_steps'])
    loss = model['reconstruction_weight'] * reconstruction + model['kl_weight'] * warmth * kl
    loss.mean().backward()
    optimizer.step()
    average.update()
    count += 1

  def sample(num):
    outputs = average.module[1](torch.randn(num, model['latent_dim'])).reshape(num, 2, -1)
    return torch.clamp(torch.round((outputs[:, 0] + 0.5) * (levels - 1)), 0, levels - 1).to(torch.uint8)

  return Twin(list(networks.parameters()), step, sample)


def _nll(outputs, x, levels):
  outputs, x = outputs.reshape(len(x), 2, -1), x.flatten(1)
  mean, log_scale = outputs[:, 0] + 0.5, torch.clamp(outputs[:, 1] - 1, -7, 7)
  inverse = torch.exp(-log_scale) / (levels - 1)
  distance = x - mean * (levels - 1)
  below, above = F.logsigmoid((distance + 0.5) * inverse), F.logsigmoid(-(distance - 0.5) * inverse)
  within = below + above + torch.log(-torch.expm1(-inverse))
  return -torch.where(x < 0.5, below, torch.where(x > levels - 1.5, above, within)).sum(1)
