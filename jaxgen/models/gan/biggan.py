"""BigGAN (Brock et al., "Large scale GAN training for high fidelity natural image synthesis", 2019, appendix B).

With `width` ch the sides of the generator have, from the first, 16, 16, 8, 4, 2 and 1 times ch channels; from 256
pixels on 16, 16, 8, 8, 4, 2, 1, and from 512 on another 1. A smaller image ends this chain early: the generator doubles
`floor(log2(side)) - 2` times. The discriminator reads it backwards and halves `floor(log2(side))` times, though never
more often than the chain has steps:

    side   generator: sides, channels / ch        discriminator: sides, channels / ch, and of a block that keeps
    8      4 8, 16 16                             4 2 1, 4 8 16, 16
    28     7 14 28, 16 16 8                       14 7 4 2, 2 4 8 16, 16
    32     4 8 16 32, 16 16 8 4                   16 8 4 2 1, 1 2 4 8 16, 16
    45     6 12 23 45, 16 16 8 4                  23 12 6 3 2, 1 2 4 8 16, 16
    128    4 8 ... 128, 16 16 8 4 2 1             64 32 ... 4, 1 2 4 8 16, 16
    256    4 8 ... 256, 16 16 8 8 4 2 1           128 64 ... 4, 1 2 4 8 8 16, 16

Half of an odd side is rounded up. 128 and 256 are the published networks.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import flat
from jaxgen.families.gan import projected
from jaxgen.nn.resampling import Common, DownBlock, UpBlock, sides
from jaxgen.nn.self_attention import SelfAttention
from jaxgen.settings import gan as settings
from jaxgen.types import DATA_AXIS, GenerativeModel

KEYS = {
  'width': Key(96, int, 'ch, of which all channels are multiples', WIDTH),
  'blocks_per_resolution': Key(1, int, 'residual blocks at each side of an image, in both networks', DEPTH),
  'attention': Key(64, int, 'side of the images all of whose places see each other; 0: none', '[0, 4096]'),
  'embedding_dim': Key(128, int, 'numbers that all blocks know of what is given', WIDTH),
  'slope': Key(0.0, float, 'of the rectifiers below 0; 0: ReLU', '[0, 1]'),
  'spectral_norm': Key(True, bool, 'in both networks'),
  'orthogonal_weight': Key(0.0, float, 'beta, of the orthogonal regularization of the generator', '[0, inf)'),
  **settings.KEYS,
}

# What becomes of z f32[B, Z] and an embedding f32[B, E]: inputs of the first layer and of what follows at each side.
Spread = Callable[[jax.Array, jax.Array, int], list[jax.Array]]
LARGEST = 1023  # the published tables end at 512


def hierarchical(z: jax.Array, embedding: jax.Array, num: int) -> list[jax.Array]:
  """A part of z for each: the first layer has it alone, the others beside the embedding."""
  first, *others = jnp.array_split(z, num, axis=-1)
  return [first, *(jnp.concatenate([part, embedding], -1) for part in others)]


def chain(side: int) -> tuple[int, ...]:
  """Channels / ch of the whole generator, from its first side to its last."""
  middle = (8,) if side < 256 else (8, 8)
  return (16, 16, *middle, 4, 2, 1, *((1,) if side >= 512 else ()))


def generator_sides(side: int) -> tuple[int, ...]:
  """The sides of an image as it grows: 45 -> (6, 12, 23, 45)."""
  return sides(side, side.bit_length() - 3)


class Generator(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, H, W, C] in [-1, 1].

  Attributes:
    shape: (H, W, C).
    width: ch.
    blocks_per_resolution: at each side one block grows, and as many come before it as this is more than 1.
    attention: the side at which places see each other; 0: none.
    embedding_dim: of the conditions.
    common: see `jaxgen.nn.resampling.Common`.
    up: the blocks: `up(features, side, common)`, see `jaxgen.nn.resampling.UpBlock`.
    spread: what each of them is told.
    squash: what becomes of the last layer.
  """

  shape: tuple[int, ...]
  width: int
  blocks_per_resolution: int
  attention: int
  embedding_dim: int
  common: Common
  up: Any = UpBlock
  spread: Spread = hierarchical
  squash: Callable[[jax.Array], jax.Array] = jnp.tanh

  @nn.compact
  def __call__(self, z: jax.Array, given: Mapping[str, jax.Array], train: bool) -> jax.Array:
    common = self.common
    conv, _, dense = common.layers(train)
    start, *grown = generator_sides(self.shape[0])
    first, *widths = (self.width * multiple for multiple in chain(self.shape[0]))
    embedding = z[:, :0]
    if given:  # without a spectral norm, as published
      embed = nn.Dense(self.embedding_dim, use_bias=False, kernel_init=common.kernel_init, name='embedding')
      embedding = embed(flat(given))
    told, *conditions = self.spread(z, embedding, 1 + len(grown))
    h = dense(start * start * first)(told).reshape(-1, start, start, first)
    for side, features, condition in zip(grown, widths, conditions, strict=False):
      for _ in range(self.blocks_per_resolution - 1):
        h = block(self.up(h.shape[-1], h.shape[1], common), h, condition, train=train)
      h = block(self.up(features, side, common), h, condition, train=train)
      if side == self.attention:
        h = SelfAttention(common.spectral, common.kernel_init)(h, train=train)
    return self.squash(conv(self.shape[-1], (3, 3))(common.normalized(h, None, train)))


class Trunk(nn.Module):
  """x f32[B, H, W, C] -> features f32[B, 16 * width], sums over all places.

  Attributes:
    width: ch.
    blocks_per_resolution: at each side one block halves, and as many follow it as this is more than 1.
    attention: the side at which places see each other; 0: none.
    common: see `jaxgen.nn.resampling.Common`.
  """

  width: int
  blocks_per_resolution: int
  attention: int
  common: Common

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    *widths, last = self.widths(x.shape[1])
    h = x
    for index, features in enumerate(widths):
      h = self.stage(DownBlock(features, True, self.common, of_image=not index), h, train)
    h = block(DownBlock(last, False, self.common), h, train=train)
    return self.common.rectified(h).sum((1, 2))

  def widths(self, side: int) -> tuple[int, ...]:
    """The channels from the image on, one more than there are halvings."""
    backwards = chain(side)[::-1]
    halvings = min(side.bit_length() - 1, len(backwards) - 1)
    return tuple(self.width * multiple for multiple in backwards[-halvings - 1 :])

  def stage(self, down: Any, h: jax.Array, train: bool) -> jax.Array:
    """What there is at one side: the block that halves, those that keep, and attention."""
    h = block(down, h, train=train)
    for _ in range(self.blocks_per_resolution - 1):
      h = block(type(down)(down.features, False, self.common), h, train=train)
    if h.shape[1] == self.attention:
      h = SelfAttention(self.common.spectral, self.common.kernel_init)(h, train=train)
    return h


class Parts(NamedTuple):
  """Of what both networks are made, see `Generator` and `Trunk`."""

  trunk: type[Trunk]
  up: Any
  spread: Spread


PARTS = Parts(Trunk, UpBlock, hierarchical)


class Discriminator(nn.Module):
  """x f32[B, H, W, C], conditions -> logits f32[B], or what else its loss needs; see `jaxgen.families.gan.projected`.

  Attributes:
    trunk: from images to features, which an encoder may have as well.
    heads: what it says of them.
    classes: of the head of that name.
  """

  trunk: Trunk
  heads: tuple[str, ...] = ('logits',)
  classes: int = 0

  @nn.compact
  def __call__(self, x: jax.Array, given: Mapping[str, jax.Array], train: bool):
    h = self.trunk(x, train)
    return projected(self.heads, h, given, self.trunk.common.layers(train).dense, self.classes)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or the discriminator has no optimizer.
  """
  return built(config, PARTS)


def built(config: ConfigDict, parts: Parts) -> GenerativeModel:
  """The game of these networks; see `build`."""
  generator, trunk = networks(config, parts, settings.squares(config, LARGEST).shape)
  return settings.assemble(
    config,
    generator,
    Discriminator(trunk, **settings.judging(config)),
    orthogonal_weight=config.model.orthogonal_weight,
  )


def networks(
  config: ConfigDict, parts: Parts, shape: tuple[int, ...], **of_generator: Any
) -> tuple[Generator, Trunk]:
  """The generator of images of this shape, (H, W, C), and what comes before the last layer of the discriminator.

  Raises:
    UserError: if a setting does not fit the shape.
  """
  model, grown = config.model, generator_sides(shape[0])
  if parts.spread is hierarchical and model.latent_dim < len(grown):
    raise UserError(
      f'config.model.latent_dim={model.latent_dim} does not give a part of z to each of {len(grown)} sides; raise it.'
    )
  settings.check_attention(model.attention, grown)
  init = nn.initializers.orthogonal()
  common = Common(model.spectral_norm, init, model.slope, init, model.spectral_norm, DATA_AXIS)
  size = (model.width, model.blocks_per_resolution, model.attention)
  generator = Generator(shape, *size, model.embedding_dim, common, parts.up, parts.spread, **of_generator)
  return generator, parts.trunk(*size, common)
