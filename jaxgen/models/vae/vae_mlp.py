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
  """x f32[B, ...], conditions -> (mean, log_var), each f32[B, latent_dim], and a context f32[B, context] if any."""

  hidden: tuple[int, ...]
  latent_dim: int
  context: int = 0

  @nn.compact
  def __call__(self, x, given, train):
    del train
    h = joined(x.reshape(x.shape[0], -1), given)
    for width in self.hidden:
      h = nn.silu(nn.Dense(width)(h))
    mean, log_var = jnp.split(nn.Dense(2 * self.latent_dim)(h), 2, axis=-1)
    return (mean, log_var, nn.Dense(self.context)(h)) if self.context else (mean, log_var)


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
    UserError: if a setting does not fit the data, or another one.
  """
  hidden, shape = tuple(config.model.hidden), fields.of(config)['x'].shape
  return assemble(
    config,
    lambda context: Encoder(hidden, config.model.latent_dim, context),
    lambda outputs: Decoder(hidden, shape, outputs),
  )
