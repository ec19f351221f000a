"""The residual networks of SNGAN (Miyato et al., "Spectral normalization for generative adversarial networks", 2018,
appendix B.4; with labels Miyato & Koyama, "cGANs with projection discriminator", 2018).

Of one width, the table for 32x32: the generator doubles `floor(log2(side)) - 2` times, the discriminator halves twice
and keeps twice. With `growing` widths those for 48x48 and 128x128: `width` channels at the side of the image, twice as
many with every halving, up to 16 times; the discriminator halves `floor(log2(side)) - 1` times, at most 5, and keeps
once.

    side   one width                                     growing widths, in `width`
           generator          discriminator              generator                    discriminator
    8      4 8                4 2 2 2                    4 8: 2 1                     4 2 2: 1 2 4
    28     7 14 28            14 7 7 7                   7 14 28: 4 2 1               14 7 4 4: 1 2 4 8
    32     4 8 16 32          16 8 8 8                   4 8 16 32: 8 4 2 1           16 8 4 2 2: 1 2 4 8 16
    48     6 12 24 48         24 12 12 12                6 12 24 48: 8 4 2 1          24 12 6 3 3: 1 2 4 8 16
    128    4 8 ... 128        64 32 32 32                4 8 ... 128: 16 16 8 4 2 1   64 ... 4 4: 1 2 4 8 16 16

Half of an odd side is rounded up.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import WIDTH, Key
from jaxgen.families.conditions import flat
from jaxgen.families.gan import projected
from jaxgen.nn.resampling import Common, DownBlock, UpBlock, sides
from jaxgen.nn.self_attention import SelfAttention
from jaxgen.settings import gan as settings
from jaxgen.types import DATA_AXIS, GenerativeModel

KEYS = {
  'generator_width': Key(256, int, 'channels at the side of the image', WIDTH),
  'discriminator_width': Key(128, int, 'the same of the discriminator', WIDTH),
  'growing': Key(False, bool, 'twice the channels with every halving, up to 16 times; else one width'),
  **settings.KEYS,
}

LARGEST = 255  # the published tables end at 128
_MOST = 16  # times the width
_GLOROT = nn.initializers.glorot_uniform()


def generator_sides(side: int) -> tuple[int, ...]:
  """The sides of an image as it grows: 32 -> (4, 8, 16, 32)."""
  return sides(side, side.bit_length() - 3)


class Generator(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, H, W, C] in [-1, 1].

  Attributes:
    shape: (H, W, C).
    width: channels at the side of the image.
    growing: whether the channels double with every halving.
    common: see `jaxgen.nn.resampling.Common`.
    attention: the side at which places see each other; 0: none.
  """

  shape: tuple[int, ...]
  width: int
  growing: bool
  common: Common
  attention: int = 0

  @nn.compact
  def __call__(self, z: jax.Array, given: Mapping[str, jax.Array], train: bool) -> jax.Array:
    conv, _, dense = self.common.layers(train)
    start, *grown = generator_sides(self.shape[0])
    multiples = [min(2**index, _MOST) if self.growing else 1 for index in range(len(grown) + 1)]
    first, *widths = (self.width * multiple for multiple in reversed(multiples))
    condition = flat(given) if given else None
    h = dense(start * start * first)(z).reshape(-1, start, start, first)
    for side, features in zip(grown, widths, strict=True):
      h = block(UpBlock(features, side, self.common), h, condition, train=train)
      if side == self.attention:
        h = SelfAttention(self.common.spectral, self.common.kernel_init)(h, train=train)
    return jnp.tanh(conv(self.shape[-1], (3, 3))(self.common.normalized(h, None, train)))


class Discriminator(nn.Module):
  """x f32[B, H, W, C], conditions -> logits f32[B], or what else its loss needs; see `jaxgen.families.gan.projected`.

  Attributes:
    width: channels at the side of the image.
    growing: whether the channels double with every halving.
    common: see `jaxgen.nn.resampling.Common`.
    attention: the side at which places see each other; 0: none.
    heads: what it says.
    classes: of the head of that name.
    wide: the first convolution of a block has as many channels as its output, not as its input.
  """

  width: int
  growing: bool
  common: Common
  attention: int = 0
  heads: tuple[str, ...] = ('logits',)
  classes: int = 0
  wide: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, given: Mapping[str, jax.Array], train: bool):
    h = x
    for index, (multiple, halves) in enumerate(self.blocks(x.shape[1])):
      down = DownBlock(self.width * multiple, halves, self.common, of_image=not index, wide=self.wide)
      h = block(down, h, train=train)
      if halves and h.shape[1] == self.attention:
        h = SelfAttention(self.common.spectral, self.common.kernel_init)(h, train=train)
    h = self.common.rectified(h).sum((1, 2))
    return projected(self.heads, h, given, self.common.layers(train).dense, self.classes)

  def blocks(self, side: int) -> list[tuple[int, bool]]:
    """Of each its channels, in `width`, and whether it halves."""
    if not self.growing:
      return [(1, True), (1, True), (1, False), (1, False)]
    halvings = min(side.bit_length() - 2, 5)
    return [(min(2**index, _MOST), index < halvings) for index in range(halvings + 1)]


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or the discriminator has no optimizer.
  """
  model, x = config.model, settings.squares(config, LARGEST)
  return settings.assemble(
    config,
    Generator(x.shape, model.generator_width, model.growing, Common(False, _GLOROT, axis_name=DATA_AXIS)),
    Discriminator(
      model.discriminator_width, model.growing, Common(True, _GLOROT), **settings.judging(config)
    ),
  )
