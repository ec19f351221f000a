"""A generator and a discriminator of perceptrons, for vectors and small images (Goodfellow et al. 2014, section 5)."""

import math

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.config_keys import WIDTH, Key
from jaxgen.models.dcgan import COMMON, assemble
from jaxgen.types import GenerativeModel

KEYS = {'hidden': Key((128, 128), tuple[int, ...], 'widths of both networks', WIDTH, least=1), **COMMON}


class Generator(nn.Module):
  """z f32[B, latent_dim], condition f32[B, classes] or None -> f32[B, *shape]; pixels in [-1, 1]."""

  hidden: tuple[int, ...]
  shape: tuple[int, ...]
  bounded: bool  # pixels, not any number

  @nn.compact
  def __call__(self, z, condition, train):
    del train
    h = z if condition is None else jnp.concatenate([z, condition], axis=-1)
    for width in self.hidden:
      h = nn.relu(nn.Dense(width)(h))
    h = nn.Dense(math.prod(self.shape))(h).reshape(-1, *self.shape)
    return jnp.tanh(h) if self.bounded else h


class Discriminator(nn.Module):
  """x f32[B, ...], condition f32[B, classes] or None -> logits f32[B]."""

  hidden: tuple[int, ...]

  @nn.compact
  def __call__(self, x, condition, train):
    del train
    h = x.reshape(x.shape[0], -1)
    h = h if condition is None else jnp.concatenate([h, condition], axis=-1)
    for width in self.hidden:
      h = nn.leaky_relu(nn.Dense(width)(h), 0.2)
    return nn.Dense(1)(h)[:, 0]


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or the discriminator has no optimizer.
  """
  hidden, shape = tuple(config.model.hidden), tuple(config.data.shape)
  return assemble(config, Generator(hidden, shape, bool(config.data.levels)), Discriminator(hidden))
