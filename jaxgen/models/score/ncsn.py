"""A noise-conditional score network: a U-Net of residual blocks (after Song et al. 2021, NCSN++, made small)."""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import flat
from jaxgen.nn import Conv, GroupNorm, UpsampledConv
from jaxgen.settings import score as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'widths': Key(
    (32, 64), tuple[int, ...], 'channels; each after the first at half the pixels', WIDTH, least=1
  ),
  'blocks': Key(1, int, 'residual blocks at each resolution, down and up', DEPTH),
  'dropout': Key(0.0, float, 'the share of values that training leaves out', '[0, 1)'),
  **settings.KEYS,
}
SAMPLER = settings.SAMPLER


class Block(nn.Module):
  """Two convolutions round a skip; the noise level scales and shifts between them: f32[B, H, W, features]."""

  features: int
  dropout: float

  @nn.compact
  def __call__(self, x, embedding, train):
    h = Conv(self.features, (3, 3))(nn.silu(_group_norm(x.shape[-1])(x)))
    scale, shift = jnp.split(nn.Dense(2 * self.features)(embedding)[:, None, None], 2, axis=-1)
    h = nn.silu(_group_norm(self.features)(h) * (1 + scale) + shift)
    h = nn.Dropout(self.dropout, deterministic=not train)(h)
    h = Conv(self.features, (3, 3), kernel_init=nn.initializers.zeros_init())(h)
    return h + (x if x.shape[-1] == self.features else Conv(self.features, (1, 1))(x))


class NoiseEmbedding(nn.Module):
  """log sigma f32[B] and the conditions -> f32[B, features]."""

  features: int

  @nn.compact
  def __call__(self, log_sigma, given):
    frequencies = 2.0 ** jnp.arange(-3, 5)  # log sigma spans about ten units
    angles = log_sigma[:, None] * frequencies
    h = nn.Dense(self.features)(jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1))
    if given:
      h = h + nn.Dense(self.features, use_bias=False)(flat(given))
    return nn.silu(nn.Dense(self.features)(nn.silu(h)))


class ScoreNetwork(nn.Module):
  """x f32[B, H, W, C], sigma f32[B] and the conditions -> a correction of the score, f32[B, H, W, C].

  A U-Net that starts at zero; see `jaxgen.families.score.parameterizations.preconditioned`.

  Attributes:
    widths: the channels at each resolution; every resolution after the first has half the pixels a side.
    blocks: residual blocks at each resolution, on the way down and on the way up.
    dropout: the share of channels dropped in training.
  """

  widths: tuple[int, ...]
  blocks: int
  dropout: float = 0.0

  @nn.compact
  def __call__(self, x, sigma, given, train):
    embedding = NoiseEmbedding(4 * self.widths[0])(jnp.log(sigma), given)
    h, skips = Conv(self.widths[0], (3, 3))(x), []
    for index, width in enumerate(self.widths):
      if index:
        h = Conv(width, (3, 3), (2, 2))(h)
      for _ in range(self.blocks):
        h = block(Block(width, self.dropout), h, embedding, train=train)
        skips.append(h)
    h = block(Block(self.widths[-1], self.dropout), h, embedding, train=train)
    for index, width in reversed(list(enumerate(self.widths))):
      for _ in range(self.blocks):
        h = jnp.concatenate([h, skips.pop()], axis=-1)
        h = block(Block(width, self.dropout), h, embedding, train=train)
      if index:
        h = UpsampledConv(self.widths[index - 1])(h)
    h = nn.silu(_group_norm(h.shape[-1])(h))
    return Conv(x.shape[-1], (3, 3), kernel_init=nn.initializers.zeros_init())(h)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, x = config.model, fields.of(config)['x']
  factor = 2 ** (len(model.widths) - 1)
  if x.kind != 'image':
    raise UserError(
      f'This score network needs images, not {x.kind} data of shape {x.shape}; for vectors there is '
      'jaxgen.models.score.ncsn_mlp.'
    )
  if x.shape[0] % factor or x.shape[1] % factor:
    raise UserError(
      f'This score network halves images {len(model.widths) - 1} times, so their sides must be divisible by '
      f'{factor}, and {x.shape} is not; set config.data.image_size or give fewer config.model.widths.'
    )
  return settings.assemble(config, ScoreNetwork(tuple(model.widths), model.blocks, model.dropout))


def _group_norm(channels):
  return GroupNorm(num_groups=max(1, min(8, channels // 4)))
