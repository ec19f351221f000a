"""`jaxgen.models.gan.dcgan` with the non-saturating loss, in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer, Twin

_MAX_CHANNELS = 512


def _halvings(size):
  doublings = 0
  while size % 2 == 0 and size // 2 >= 4:
    size, doublings = size // 2, doublings + 1
  return size, doublings


class Generator(nn.Module):
  """Latents to images in [-1, 1]."""

  def __init__(self, shape, latent_dim, width, layout):
    super().__init__()
    self.start, doublings = _halvings(shape[0])
    self.channels, self.layout = min(width * 2**doublings, _MAX_CHANNELS), layout
    self.dense = nn.Linear(latent_dim, self.start**2 * self.channels)
    layers, channels = [nn.BatchNorm2d(self.channels), nn.ReLU(inplace=True)], self.channels
    for index in reversed(range(doublings)):
      features = min(width * 2**index, _MAX_CHANNELS)
      layers += [
        nn.ConvTranspose2d(channels, features, 4, 2, 1),
        nn.BatchNorm2d(features),
        nn.ReLU(inplace=True),
      ]
      channels = features
    self.layers = nn.Sequential(*layers, nn.Conv2d(channels, shape[-1], 3, padding=1), nn.Tanh())

  def forward(self, z):
    h = self.dense(z).reshape(-1, self.channels, self.start, self.start)
    return self.layers(h.contiguous(memory_format=self.layout))


def discriminator_of(shape, width):
  """Images to logits."""
  layers, channels = [nn.Conv2d(shape[-1], width, 3, padding=1), nn.LeakyReLU(0.2)], width
  size, doublings = _halvings(shape[0])
  for index in range(doublings):
    features = min(width * 2 ** (index + 1), _MAX_CHANNELS)
    layers += [nn.Conv2d(channels, features, 4, 2, 1), nn.LeakyReLU(0.2)]
    channels = features
  return nn.Sequential(*layers, nn.Flatten(), nn.Linear(size**2 * channels, 1), nn.Flatten(0))


def build(config, layout) -> Twin:
  """The model of a config in one memory layout."""
  model, x = config['model'], config['data']['fields']['x']
  shape, levels = x['shape'], x['levels']
  assert model['loss'] == 'non_saturating'
  assert model['batch_norm'] and not model['spectral_norm']
  assert model['penalty'] in ('', 'r1') and model['penalty_period'] == model['discriminator_steps'] == 1
  generator = Generator(shape, model['latent_dim'], model['generator_width'], layout).to(memory_format=layout)
  discriminator = discriminator_of(shape, model['discriminator_width']).to(memory_format=layout)
  optimizer_g = Optimizer(generator.parameters(), config['optimizer'], config['num_steps'])
  optimizer_d = Optimizer(discriminator.parameters(), config['discriminator_optimizer'], config['num_steps'])
  players = nn.ModuleList([generator, discriminator])
  average = Average(players, config['ema_decay'])

  def slope(real):
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(1) / 2

  def step(x):
    real = (x.float() * (2 / (levels - 1)) - 1).contiguous(memory_format=layout)
    with torch.no_grad():
      fake = generator(torch.randn(len(x), model['latent_dim']))
    loss = F.softplus(-discriminator(real)) + F.softplus(discriminator(fake))
    if model['penalty']:
      loss = loss + model['penalty_weight'] * slope(real)
    loss.mean().backward()
    optimizer_d.step()
    discriminator.requires_grad_(False)
    fake = generator(torch.randn(len(x), model['latent_dim']))
    F.softplus(-discriminator(fake)).mean().backward()
    optimizer_g.step()
    discriminator.requires_grad_(True)
    average.update()

  def sample(num):
    x = average.module[0](torch.randn(num, model['latent_dim']))
    return torch.clamp(torch.round((x + 1) * ((levels - 1) / 2)), 0, levels - 1).to(torch.uint8)

  return Twin(list(players.parameters()), step, sample)
