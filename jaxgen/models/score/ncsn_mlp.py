"""A noise-conditional score network for vectors: a residual perceptron."""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.models.score.unet import NoiseEmbedding
from jaxgen.settings import score as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'width': Key(128, int, 'of the layers', WIDTH),
  'depth': Key(3, int, 'residual layers', DEPTH),
  **settings.KEYS,
}
SAMPLER = settings.SAMPLER


class ScoreMLP(nn.Module):
  """x f32[B, ...], sigma f32[B] and the conditions -> a correction of the score, f32[B, ...].

  It starts at zero; see `jaxgen.families.score.parameterizations.preconditioned`.
  """

  width: int
  depth: int  # residual layers

  @nn.compact
  def __call__(self, x, sigma, given, train):
    del train
    embedding = NoiseEmbedding(self.width)(jnp.log(sigma), given)
    h = nn.Dense(self.width)(x.reshape(x.shape[0], -1))
    for _ in range(self.depth):
      inner = nn.silu(nn.Dense(self.width)(h) + nn.Dense(self.width)(embedding))
      h = h + nn.Dense(self.width)(inner)
    h = nn.Dense(x[0].size, kernel_init=nn.initializers.zeros_init())(nn.silu(h))
    return h.reshape(x.shape)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  x = fields.of(config)['x']
  if x.kind not in ('vector', 'image'):
    raise UserError(
      f'This score network needs vectors or small images, not {x.kind} data of shape {x.shape}.'
    )
  return settings.assemble(config, ScoreMLP(config.model.width, config.model.depth))
