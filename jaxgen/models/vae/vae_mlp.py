"""A variational autoencoder of two multilayer perceptrons (Kingma & Welling 2014, appendix C)."""

import math

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.families.conditions import joined
from jaxgen.settings.vae import KEYS, assemble
from jaxgen.types import GenerativeModel

__all__ = ['KEYS', 'Decoder', 'Encoder', 'build']


class Encoder(nn.Module):
  """x f32[B, ...], conditions -> (mean, log_var), each f32[B, latent_dim]."""

  hidden: tuple[int, ...]
  latent_dim: int

  @nn.compact
  def __call__(self, x, given, train):
    del train
    h = joined(x.reshape(x.shape[0], -1), given)
    for width in self.hidden:
      h = nn.silu(nn.Dense(width)(h))
    return jnp.split(nn.Dense(2 * self.latent_dim)(h), 2, axis=-1)


class Decoder(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, *shape, outputs]; the widths are the encoder's, backwards."""

  hidden: tuple[int, ...]
  shape: tuple[int, ...]
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    del train
    h = joined(z, given)
    for width in reversed(self.hidden):
      h = nn.silu(nn.Dense(width)(h))
    return nn.Dense(math.prod(self.shape) * self.outputs)(h).reshape(-1, *self.shape, self.outputs)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  hidden, shape = tuple(config.model.hidden), fields.of(config)['x'].shape
  encoder = Encoder(hidden, config.model.latent_dim)
  return assemble(config, encoder, lambda outputs: Decoder(hidden, shape, outputs))
