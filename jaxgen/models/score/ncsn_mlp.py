"""A noise-conditional score network for vectors: a residual perceptron."""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.models.score.unet import NoiseEmbedding
from jaxgen.nn.made import with_waves
from jaxgen.settings import score as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'width': Key(128, int, 'of the layers', WIDTH),
  'depth': Key(3, int, 'residual layers', DEPTH),
  'frequencies': Key(
    0, int, 'of the Fourier features that the network sees beside its inputs; 0: none', '[0, 16]', before=0
  ),
  **settings.KEYS,
}
SAMPLER, STAGES = settings.SAMPLER, settings.STAGES


class ScoreMLP(nn.Module):
  """x f32[B, ...], sigma f32[B] and the conditions -> a correction of the score, f32[B, ...].

  It starts at zero; see `jaxgen.families.score.parameterizations.preconditioned`.

  Attributes:
    width: of the layers.
    depth: residual layers.
    frequencies: of the Fourier features of x beside x, `jaxgen.nn.made.with_waves`: without them what changes fast
      with x, an edge of a density say, is learned late.
  """

  width: int
  depth: int
  frequencies: int = 0

  @nn.compact
  def __call__(self, x, sigma, given, train):
    del train
    embedding = NoiseEmbedding(self.width)(jnp.log(sigma), given)
    h = nn.Dense(self.width)(with_waves(x.reshape(x.shape[0], -1), self.frequencies))
    for _ in range(self.depth):
      inner = nn.silu(nn.Dense(self.width)(h) + nn.Dense(self.width)(embedding))
      h = h + nn.Dense(self.width)(inner)
    h = nn.Dense(x[0].size, kernel_init=nn.initializers.zeros_init())(nn.silu(h))
    return h.reshape(x.shape)


def build(config: ConfigDict, stages: settings.Stages = settings.NO_STAGES) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  x = fields.of(config)['x']
  if x.kind not in ('vector', 'image'):
    raise UserError(
      f'This score network needs vectors or small images, not {x.kind} data of shape {x.shape}.'
    )
  return settings.assemble(
    config, ScoreMLP(config.model.width, config.model.depth, config.model.frequencies), stages
  )
