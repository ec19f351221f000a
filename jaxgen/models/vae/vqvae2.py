"""An autoencoder of images with two levels of codes (Razavi, van den Oord & Vinyals, "Generating diverse high-fidelity
images with VQ-VAE-2", 2019).

The encoder halves the image to the grid of the bottom codes, and that again to the grid of the top codes. The top codes
are found first; the bottom ones are found given the top ones, decoded to their grid, so that they hold what is left
(their algorithm 1). The decoder sees both.

Latents are `{'top': i32[B, h', w'], 'bottom': i32[B, h, w]}`. Priors are two further runs, on what `--use=codes` writes
for each level: `jaxgen.models.autoregressive.codes_prior` of the top codes, and of the bottom codes given the top ones
`lower_codes_prior`, which draws from top to image. Samples of this model are of codes drawn uniformly.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.vae import codebooks, commitment, uniform_levels
from jaxgen.models.vae import vqvae
from jaxgen.nn import Conv
from jaxgen.nn.vector_quantizer import Quantized, VectorQuantizer
from jaxgen.settings import vae as settings
from jaxgen.types import DATA_AXIS, Field, GenerativeModel

KEYS = {
  **vqvae.KEYS,
  'channels': Key((16, 32), tuple[int, ...], 'one halving each, to the bottom codes', WIDTH, least=1),
  'top_channels': Key((32,), tuple[int, ...], 'one halving more each, to the top codes', WIDTH, least=1),
  'num_codes': Key(128, int, 'K, the size of either codebook', '[2, 65536]'),
}


class Encoder(nn.Module):
  """x f32[B, H, W, C], conditions -> the codes of both levels, with the codebooks.

  Attributes:
    channels: of the halvings to the grid of the bottom codes.
    top_channels: of those from there to the grid of the top codes.
    code_dim: numbers in the vector of a code.
    num_codes: of either codebook.
    decay: of the averages.
  """

  channels: tuple[int, ...]
  top_channels: tuple[int, ...]
  code_dim: int
  num_codes: int
  decay: float

  def setup(self) -> None:
    self.to_bottom = vqvae.Encoder(self.channels, self.channels[-1])
    self.to_top = vqvae.Encoder(self.top_channels, self.code_dim)
    self.from_top = FromTop(self.top_channels)
    self.joined = Conv(self.code_dim, (1, 1))
    self.codebooks = {
      level: VectorQuantizer(self.num_codes, self.code_dim, decay=self.decay, axis_name=DATA_AXIS)
      for level in ('top', 'bottom')
    }

  def __call__(self, x: jax.Array, given: Mapping[str, jax.Array], train: bool) -> dict[str, Quantized]:
    h = nn.silu(self.to_bottom(x, given, train))
    top = self.codebooks['top'](self.to_top(h, given, train), train)
    seen = jnp.concatenate([h, self.from_top(top.z, h.shape[1:3], given, train)], -1)
    return {'top': top, 'bottom': self.codebooks['bottom'](self.joined(seen), train)}

  def embed(self, latents: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The vectors of the codes of each level."""
    return {level: self.codebooks[level].embed(codes) for level, codes in latents.items()}


class Decoder(nn.Module):
  """z of both levels, conditions -> f32[B, *shape, outputs]."""

  channels: tuple[int, ...]
  top_channels: tuple[int, ...]
  shape: tuple[int, ...]  # (H, W, C)
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    top = FromTop(self.top_channels)(z['top'], z['bottom'].shape[1:3], given, train)
    both = jnp.concatenate([z['bottom'], top], -1)
    return vqvae.Decoder(self.channels, self.shape, self.outputs)(both, given, train)


class FromTop(nn.Module):
  """z f32[B, h', w', D] of the top codes, at the grid (h, w) of the bottom ones: f32[B, h, w, D]."""

  top_channels: tuple[int, ...]

  @nn.compact
  def __call__(self, z, grid, given, train):
    return vqvae.Decoder(self.top_channels, (*grid, z.shape[-1]), 1)(z, given, train)[..., 0]


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are not images, or a setting does not fit them.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'image':
    raise UserError(f'vqvae2 needs images, not {x.kind} data of shape {x.shape}.')
  channels, top_channels = tuple(model.channels), tuple(model.top_channels)
  bottom = vqvae.halved(x.shape[:2], channels, 'channels')
  top = vqvae.halved(bottom, top_channels, 'top_channels')
  vqvae.check_codebook('num_codes', model.num_codes, config.batch_size, top)
  codes = {'top': Field('tokens', top, model.num_codes), 'bottom': Field('tokens', bottom, model.num_codes)}
  return settings.with_slots(
    config,
    Encoder(channels, top_channels, model.code_dim, model.num_codes, model.codebook_decay),
    lambda outputs: Decoder(channels, top_channels, x.shape, outputs),
    prior=uniform_levels(codes),
    posterior=codebooks(codes, model.code_dim),
    objective=commitment(model.commitment_weight),
  )
