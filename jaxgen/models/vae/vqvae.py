"""A vector-quantized autoencoder of images (van den Oord et al., "Neural discrete representation learning", 2017).

Each entry of `config.model.channels` halves the image; at every place of the grid that is left stands one of
`num_codes` codes. `encode` gives the codes, i32[B, h, w], and `decode` takes them: a prior is a second model, trained
on the codes. Samples of this one are of codes drawn uniformly, and look like it.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.families.vae import codebook, commitment, uniform_codes
from jaxgen.nn import Conv, ConvTranspose
from jaxgen.nn.vector_quantizer import VectorQuantizer
from jaxgen.settings import vae as settings
from jaxgen.types import DATA_AXIS, GenerativeModel

KEYS = {
  'channels': Key((64,), tuple[int, ...], 'one halving of the image each', WIDTH, least=1),
  'num_codes': Key(64, int, 'K, the size of the codebook', '[2, 65536]'),
  'code_dim': Key(16, int, 'numbers in the vector of a code', WIDTH),
  'commitment_weight': Key(0.25, float, 'beta, of the distance of the vectors to their codes', '[0, inf)'),
  'codebook_decay': Key(0.99, float, 'gamma, of the averages that the codes are', '[0, 1)'),
  **settings.LIKELIHOOD_KEYS,
}


class Encoder(nn.Module):
  """x f32[B, H, W, C], conditions -> f32[B, h, w, code_dim], with a halving for each entry of channels."""

  channels: tuple[int, ...]
  code_dim: int

  @nn.compact
  def __call__(self, x, given, train):
    del train
    for features in self.channels:
      x = nn.silu(Conv(features, (4, 4), strides=(2, 2))(x))
    x = nn.silu(Conv(x.shape[-1], (3, 3))(_informed(x, given)))
    return Conv(self.code_dim, (1, 1))(x)


class Decoder(nn.Module):
  """z f32[B, h, w, code_dim], conditions -> f32[B, *shape, outputs]: the encoder, backwards."""

  channels: tuple[int, ...]
  shape: tuple[int, ...]  # (H, W, C)
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    del train
    height, width, image_channels = self.shape
    x = nn.silu(Conv(self.channels[-1], (3, 3))(z))
    x = nn.silu(Conv(x.shape[-1], (3, 3))(_informed(x, given)))
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
    raise UserError(f'vqvae needs images, not {x.kind} data of shape {x.shape}.')
  channels = tuple(model.channels)
  grid = halved(x.shape[:2], channels, 'channels')
  check_codebook('num_codes', model.num_codes, config.batch_size, grid)
  quantizer = VectorQuantizer(
    model.num_codes, model.code_dim, decay=model.codebook_decay, axis_name=DATA_AXIS
  )
  return settings.with_slots(
    config,
    Encoder(channels, model.code_dim),
    lambda outputs: Decoder(channels, x.shape, outputs),
    prior=uniform_codes(model.num_codes, grid),
    posterior=codebook(quantizer, model.num_codes, grid, model.code_dim),
    objective=commitment(model.commitment_weight),
  )


def check_codebook(key: str, num_codes: int, batch_size: int, grid: tuple[int, ...]) -> None:
  """Sees to it that a codebook begins with vectors of its own, for it begins with those of the first batch.

  Args:
    key: of `config.model`, that sets its size.
    num_codes: K.
    batch_size: of the first batch.
    grid: the shape of the codes of one example.

  Raises:
    UserError: if there are fewer vectors than codes.
  """
  vectors = batch_size * math.prod(grid)
  if num_codes > vectors:
    raise UserError(
      f'config.model.{key}={num_codes:,} codes begin as vectors of one batch, and config.batch_size={batch_size:,} '
      f'examples of {" x ".join(map(str, grid))} codes each give {vectors:,}; raise the batch size, or take fewer.'
    )


def halved(sides: tuple[int, ...], channels: tuple[int, ...], key: str) -> tuple[int, ...]:
  """The sides of what is left of images, or of a grid, after a halving for each entry of `config.model.<key>`.

  Raises:
    UserError: if there is nothing left to halve.
  """
  if min(_halved(sides, len(channels) - 1)) < 2:
    raise UserError(
      f'{len(channels)} entries of config.model.{key} halve {"x".join(map(str, sides))} images to nothing.'
    )
  return _halved(sides, len(channels))


def _halved(sides, times):
  return tuple(-(-side // 2**times) for side in sides)


def _informed(x: jax.Array, given) -> jax.Array:
  """f32[B, h, w, C] with a linear map of the conditions added at every place."""
  if not given:
    return x
  conditions = joined(jnp.zeros((len(x), 0), x.dtype), given)
  return x + nn.Dense(x.shape[-1])(conditions)[:, None, None]
