"""A generator and a discriminator of perceptrons, for vectors and small images (Goodfellow et al. 2014, section 5)."""

import math

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.families.conditions import joined
from jaxgen.families.gan import spoken
from jaxgen.settings import gan as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'hidden': Key((128, 128), tuple[int, ...], 'widths of both networks', WIDTH, least=1),
  **settings.KEYS,
}


class Generator(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, *shape]; pixels in [-1, 1]."""

  hidden: tuple[int, ...]
  shape: tuple[int, ...]
  bounded: bool  # pixels, not any number

  @nn.compact
  def __call__(self, z, given, train):
    del train
    h = joined(z, given)
    for width in self.hidden:
      h = nn.relu(nn.Dense(width)(h))
    h = nn.Dense(math.prod(self.shape))(h).reshape(-1, *self.shape)
    return jnp.tanh(h) if self.bounded else h


class Discriminator(nn.Module):
  """x f32[B, ...], conditions -> logits f32[B], or what else its loss needs."""

  hidden: tuple[int, ...]
  heads: tuple[str, ...] = ('logits',)
  classes: int = 0  # of the head of that name

  @nn.compact
  def __call__(self, x, given, train):
    del train
    h = joined(x.reshape(x.shape[0], -1), given)
    for width in self.hidden:
      h = nn.leaky_relu(nn.Dense(width)(h), 0.2)
    return spoken(
      self.heads,
      logits=lambda: nn.Dense(1)(h)[:, 0],
      classes=lambda: nn.Dense(self.classes)(h),
      features=lambda: h,
    )


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the discriminator has no optimizer.
  """
  hidden, x = tuple(config.model.hidden), fields.of(config)['x']
  discriminator = Discriminator(hidden, **settings.judging(config))
  return settings.assemble(config, Generator(hidden, x.shape, bool(x.levels)), discriminator)
