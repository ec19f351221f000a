"""A convolutional variational autoencoder: each entry of `config.model.channels` halves the image."""

import math

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.nn import Conv, ConvTranspose
from jaxgen.settings.vae import KEYS, assemble
from jaxgen.types import GenerativeModel

__all__ = ['KEYS', 'Decoder', 'Encoder', 'build']


class Encoder(nn.Module):
  """x f32[B, H, W, C], conditions -> (mean, log_var), each f32[B, latent_dim], and a context f32[B, context] if any.

  Strided 4x4 convolutions, then one hidden layer that also sees the conditions.
  """

  channels: tuple[int, ...]
  hidden: int
  latent_dim: int
  context: int = 0

  @nn.compact
  def __call__(self, x, given, train):
    del train
    for features in self.channels:
      x = nn.silu(Conv(features, (4, 4), strides=(2, 2))(x))
    h = joined(x.reshape(x.shape[0], -1), given)
    h = nn.silu(nn.Dense(self.hidden)(h))
    mean, log_var = jnp.split(nn.Dense(2 * self.latent_dim)(h), 2, axis=-1)
    return (mean, log_var, nn.Dense(self.context)(h)) if self.context else (mean, log_var)


class Decoder(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, *shape, outputs]: the encoder, backwards.

  Sides that cannot be halved so often are rounded up on the way and cut at the end.
  """

  channels: tuple[int, ...]
  hidden: int
  shape: tuple[int, ...]  # (H, W, C)
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    del train
    height, width, image_channels = self.shape
    rows, columns = (-(-side // 2 ** len(self.channels)) for side in (height, width))
    h = nn.silu(nn.Dense(self.hidden)(joined(z, given)))
    h = nn.silu(nn.Dense(rows * columns * self.channels[-1])(h))
    x = h.reshape(-1, rows, columns, self.channels[-1])
    for features in reversed(self.channels):
      x = nn.silu(ConvTranspose(features, (4, 4), strides=(2, 2))(x))
    x = Conv(image_channels * self.outputs, (3, 3))(x)[:, :height, :width]
    return x.reshape(-1, *self.shape, self.outputs)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are not images, or a setting does not fit them.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'image':
    raise UserError(
      f'vae_conv needs images, not {x.kind} data of shape {x.shape}; use config.module=jaxgen.models.vae.vae_mlp.'
    )
  channels, hidden = tuple(model.channels), model.hidden[-1]
  if math.log2(min(x.shape[:2])) < len(channels) - 1:
    raise UserError(
      f'{len(channels)} entries of config.model.channels halve {x.shape[0]}x{x.shape[1]} images to nothing.'
    )
  return assemble(
    config,
    lambda context: Encoder(channels, hidden, model.latent_dim, context),
    lambda outputs: Decoder(channels, hidden, x.shape, outputs),
  )
