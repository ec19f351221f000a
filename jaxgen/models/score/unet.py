"""DDPM's network: a U-Net with attention (Ho et al., "Denoising diffusion probabilistic models", 2020, appendix B).

NCSN++ and DDPM++ (Song et al. 2021; Karras et al. 2022) are made of the same blocks, with sums that are rescaled.
"""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import beside, flat
from jaxgen.nn import Conv, Dense, GroupNorm, UpsampledConv
from jaxgen.settings import score as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'widths': Key(
    (128, 256, 256, 256), tuple[int, ...], 'channels; each after the first at half the pixels', WIDTH, least=1
  ),
  'blocks': Key(2, int, 'residual blocks at each resolution on the way down; one more on the way up', DEPTH),
  'attention': Key(
    (16,), tuple[int, ...], 'heights at which all places see each other, besides the least', '[1, 4096]'
  ),
  'scales': Key(False, bool, 'whether the noise level scales channels, and does not only shift them'),
  'rescaled': Key(False, bool, 'whether the sum of a block and its skip is divided by sqrt(2)'),
  'dropout': Key(0.1, float, 'the share of values that training leaves out', '[0, 1)'),
  **settings.KEYS,
}
SAMPLER, STAGES = settings.SAMPLER, settings.STAGES
_GROUPS = 32


class NoiseEmbedding(nn.Module):
  """log sigma f32[B] and the conditions -> f32[B, features].

  Attributes:
    features: of the embedding.
    frequencies: sines, and as many cosines, of log sigma.
  """

  features: int
  frequencies: int = 8

  @nn.compact
  def __call__(self, log_sigma: jax.Array, given: Mapping[str, jax.Array]) -> jax.Array:
    """Embeds, the angles in float32; `given` is prepared."""
    scales = 2.0 ** np.linspace(-3, 4, self.frequencies)  # log sigma spans about ten units
    angles = log_sigma[:, None] * scales.astype(np.float32)
    h = nn.Dense(self.features)(jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1))
    if given:
      h = h + nn.Dense(self.features, use_bias=False)(flat(given))
    return nn.silu(nn.Dense(self.features)(nn.silu(h)))


class Block(nn.Module):
  """Two convolutions round a skip, between which the noise level acts: f32[B, H, W, C] -> f32[B, H, W, features].

  Attributes:
    features: channels of the output.
    dropout: the share of values that training leaves out.
    groups: of channels that are normalized together, at most; see `group_norm`.
    scales: the noise level scales and shifts what is normalized (Nichol & Dhariwal 2021, section 3.2, after Dhariwal &
      Nichol 2021, equation 6), where DDPM shifts before.
    rescaled: the sum with the skip is divided by sqrt(2) (Song et al. 2021, appendix H.1).
  """

  features: int
  dropout: float
  groups: int = _GROUPS
  scales: bool = False
  rescaled: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, embedding: jax.Array, train: bool) -> jax.Array:
    """Runs the block; `embedding` is f32[B, K]."""
    h = Conv(self.features, (3, 3))(nn.silu(group_norm(x.shape[-1], self.groups)(x)))
    maps = nn.Dense((1 + self.scales) * self.features)(embedding)[:, None, None]
    norm = group_norm(self.features, self.groups)
    if self.scales:
      scale, shift = jnp.split(maps, 2, axis=-1)
      h = norm(h) * (1 + scale) + shift
    else:
      h = norm(h + maps)
    h = nn.Dropout(self.dropout, deterministic=not train)(nn.silu(h))
    h = Conv(self.features, (3, 3), kernel_init=nn.initializers.zeros_init())(h)
    skip = x if x.shape[-1] == self.features else Conv(self.features, (1, 1))(x)
    return _summed(h, skip, self.rescaled)


class Attention(nn.Module):
  """All places of an image see each other, with one head, round a skip: f32[B, H, W, C] of the same shape.

  Attributes:
    groups: as of `Block`.
    rescaled: as of `Block`.
  """

  groups: int = _GROUPS
  rescaled: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Looks at all places from each; the weights are float32."""
    batch, height, width, channels = x.shape
    places = group_norm(channels, self.groups)(x).reshape(batch, height * width, 1, channels)
    gathered = jax.nn.dot_product_attention(*jnp.split(Dense(3 * channels)(places), 3, axis=-1))
    h = Dense(channels, kernel_init=nn.initializers.zeros_init())(gathered)
    return _summed(h.reshape(x.shape), x, self.rescaled)


class UNet(nn.Module):
  """x f32[B, H, W, C], sigma f32[B] and the conditions -> f32[B, H, W, C], of any height and width; zero at the start.

  Every layer on the way down leaves a skip, the first convolution and those of strides of two with the blocks.
  Conditions of the height and width of x lie behind its channels, all others are embedded with the noise level.

  Attributes:
    widths: the channels at each resolution; every resolution after the first has half the pixels a side, rounded up.
    blocks: residual blocks at each resolution on the way down; one more on the way up.
    attention: the heights at which `Attention` follows each block; it stands between the two blocks of the least too.
    dropout: as of `Block`.
    scales: as of `Block`.
    rescaled: as of `Block`.
  """

  widths: tuple[int, ...]
  blocks: int
  attention: tuple[int, ...]
  dropout: float = 0.0
  scales: bool = False
  rescaled: bool = False

  @nn.compact
  def __call__(
    self, x: jax.Array, sigma: jax.Array, given: Mapping[str, jax.Array], train: bool
  ) -> jax.Array:
    """Runs the network; `given` is prepared."""
    inputs, others = beside(x, given)
    first = self.widths[0]
    embedding = NoiseEmbedding(4 * first, max(first // 2, 1))(jnp.log(sigma), others)

    def changed(h, width):
      layer = Block(width, self.dropout, scales=self.scales, rescaled=self.rescaled)
      return block(layer, h, embedding, train=train)

    def attended(h):
      return block(Attention(rescaled=self.rescaled), h)

    h = Conv(first, (3, 3))(inputs)
    skips = [h]
    for index, width in enumerate(self.widths):
      if index:
        h = Conv(h.shape[-1], (3, 3), (2, 2))(h)
        skips.append(h)
      for _ in range(self.blocks):
        h = changed(h, width)
        h = attended(h) if h.shape[1] in self.attention else h
        skips.append(h)
    h = changed(attended(changed(h, self.widths[-1])), self.widths[-1])
    for index, width in reversed(list(enumerate(self.widths))):
      for _ in range(self.blocks + 1):
        h = changed(jnp.concatenate([h, skips.pop()], axis=-1), width)
        h = attended(h) if h.shape[1] in self.attention else h
      if index:
        _, height, breadth, _ = skips[-1].shape
        h = UpsampledConv(width)(h)[:, :height, :breadth]
    h = nn.silu(group_norm(h.shape[-1], _GROUPS)(h))
    return Conv(x.shape[-1], (3, 3), kernel_init=nn.initializers.zeros_init())(h)


def group_norm(channels: int, most: int) -> GroupNorm:
  """`GroupNorm` in as many groups as divide the channels, `most` at most, and four channels in each at least."""
  groups = max(1, min(most, channels // 4))
  return GroupNorm(num_groups=next(count for count in range(groups, 0, -1) if channels % count == 0))


def build(config: ConfigDict, stages: settings.Stages = settings.NO_STAGES) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, x = config.model, settings.images(config)
  halvings = len(model.widths) - 1
  if 2**halvings > min(x.shape[:2]):
    raise UserError(
      f'This score network halves images {halvings} times, and {x.shape} has no pixels left by then; give fewer '
      'config.model.widths.'
    )
  heights = [-(-x.shape[0] // 2**index) for index in range(halvings + 1)]
  if strange := [height for height in model.attention if height not in heights]:
    raise UserError(
      f'config.model.attention names the height {strange[0]}, which this network has nowhere; it has '
      f'{", ".join(map(str, heights))}.'
    )
  network = UNet(
    widths=tuple(model.widths),
    blocks=model.blocks,
    attention=tuple(model.attention),
    dropout=model.dropout,
    scales=model.scales,
    rescaled=model.rescaled,
  )
  return settings.assemble(config, network, stages)


def _summed(h, skip, rescaled):
  return (h + skip) / math.sqrt(2) if rescaled else h + skip
