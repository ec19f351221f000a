"""The alternating step of `jaxgen.families.gan`, in PyTorch: any two networks, eagerly or compiled."""

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from experiments.speed.twins.training import Average, Optimizer

# of a discriminator, by the logits of real and generated examples; of a generator, by those of generated ones
LOSSES = {
  'non_saturating': (
    lambda real, fake: F.softplus(-real) + F.softplus(fake),
    lambda fake: F.softplus(-fake),
  ),
  'hinge': (lambda real, fake: F.relu(1 - real) + F.relu(1 + fake), lambda fake: -fake),
}


class Settings(NamedTuple):
  """What a game has beside its networks."""

  loss: str
  latent_dim: int
  levels: int
  classes: int  # that both players are given; 0: none


def of_config(config: Mapping[str, Any]) -> Settings:
  """Those of a config, of which nothing else may be set that a step would have to do.

  Raises:
    ValueError: if something is.
  """
  model = config['model']
  for name in ('penalty', 'weight_clip', 'augmentation', 'classifier_weight', 'orthogonal_weight'):
    if model.get(name):
      raise ValueError(f'the twins know no {name}.')
  fields = config['data']['fields']
  classes = fields['label']['levels'] if 'label' in config['given'] else 0
  return Settings(model['loss'], model['latent_dim'], fields['x']['levels'], classes)


class Game:
  """Two networks and their optimizers; a step moves both, and then the generator's average."""

  def __init__(self, config: Mapping[str, Any], twin: str, layout: torch.memory_format, compiled: bool):
    self._settings, self._layout = of_config(config), layout
    networks = importlib.import_module(f'experiments.speed.gans.twins.{twin}').networks(config, layout)
    generator, discriminator = (network.to(memory_format=layout) for network in networks)
    self._rules = [
      Optimizer(network.parameters(), config[name], config['num_steps'])
      for network, name in ((generator, 'optimizer'), (discriminator, 'discriminator_optimizer'))
    ]
    self._average = Average(generator, config['ema_decay'])
    self.networks = generator, discriminator
    # what is compiled shares its parameters with what is not
    self._generator, self._discriminator = (
      torch.compile(network) if compiled else network for network in self.networks
    )

  def step(self, x: torch.Tensor, label: torch.Tensor) -> None:
    """One of both players, on u8[B, C, H, W] and i64[B]."""
    settings, (of_discriminator, of_generator) = self._settings, LOSSES[self._settings.loss]
    real = (x.float() * (2 / (settings.levels - 1)) - 1).contiguous(memory_format=self._layout)
    given = (F.one_hot(label, settings.classes).float(),) if settings.classes else ()
    with torch.no_grad():
      fake = self._generator(self._latents(len(x)), *given)
    loss = of_discriminator(self._discriminator(real, *given), self._discriminator(fake, *given))
    loss.mean().backward()
    self._rules[1].step()
    self.networks[1].requires_grad_(False)
    fake = self._generator(self._latents(len(x)), *given)
    of_generator(self._discriminator(fake, *given)).mean().backward()
    self._rules[0].step()
    self.networks[1].requires_grad_(True)
    self._average.update()

  def _latents(self, num):
    return torch.randn(num, self._settings.latent_dim)


def parameters(networks: tuple[nn.Module, ...]) -> int:
  """How many they have together."""
  return sum(parameter.numel() for network in networks for parameter in network.parameters())
