"""A small noise-conditional score network: a U-Net of residual blocks without attention (after Song et al. 2021).

It has half the blocks on the way up that `jaxgen.models.score.unet` has, and the skips of blocks alone.
"""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.models.score.unet import Block, NoiseEmbedding, group_norm
from jaxgen.nn import Conv, UpsampledConv
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
SAMPLER, STAGES = settings.SAMPLER, settings.STAGES
_GROUPS = 8  # of channels that are normalized together, at most


class ScoreNetwork(nn.Module):
  """x f32[B, H, W, C], sigma f32[B] and the conditions -> a correction of the score, f32[B, H, W, C].

  A U-Net that starts at zero; see `jaxgen.families.score.parameterizations.preconditioned`.

  Attributes:
    widths: the channels at each resolution; every resolution after the first has half the pixels a side.
    blocks: residual blocks at each resolution, on the way down and on the way up.
    dropout: the share of values that training leaves out.
  """

  widths: tuple[int, ...]
  blocks: int
  dropout: float = 0.0

  @nn.compact
  def __call__(self, x, sigma, given, train):
    embedding = NoiseEmbedding(4 * self.widths[0])(jnp.log(sigma), given)

    def changed(h, width):
      return block(Block(width, self.dropout, _GROUPS, scales=True), h, embedding, train=train)

    h, skips = Conv(self.widths[0], (3, 3))(x), []
    for index, width in enumerate(self.widths):
      if index:
        h = Conv(width, (3, 3), (2, 2))(h)
      for _ in range(self.blocks):
        h = changed(h, width)
        skips.append(h)
    h = changed(h, self.widths[-1])
    for index, width in reversed(list(enumerate(self.widths))):
      for _ in range(self.blocks):
        h = changed(jnp.concatenate([h, skips.pop()], axis=-1), width)
      if index:
        h = UpsampledConv(self.widths[index - 1])(h)
    h = nn.silu(group_norm(h.shape[-1], _GROUPS)(h))
    return Conv(x.shape[-1], (3, 3), kernel_init=nn.initializers.zeros_init())(h)


def build(config: ConfigDict, stages: settings.Stages = settings.NO_STAGES) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, x = config.model, settings.images(config)
  factor = 2 ** (len(model.widths) - 1)
  if x.shape[0] % factor or x.shape[1] % factor:
    raise UserError(
      f'This score network halves images {len(model.widths) - 1} times, so their sides must be divisible by '
      f'{factor}, and {x.shape} is not; set config.data.image_size or give fewer config.model.widths.'
    )
  return settings.assemble(config, ScoreNetwork(tuple(model.widths), model.blocks, model.dropout), stages)
