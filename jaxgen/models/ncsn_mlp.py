"""A noise-conditional score network for vectors: a residual perceptron."""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.models.ncsn import COMMON, NoiseEmbedding, assemble, preconditioned
from jaxgen.types import GenerativeModel

KEYS = {
  'width': Key(128, int, 'of the layers', WIDTH),
  'depth': Key(3, int, 'residual layers', DEPTH),
  **COMMON,
}


class ScoreMLP(nn.Module):
  """x f32[B, ...], sigma f32[B], condition f32[B, classes] or None -> the score, f32[B, ...]."""

  width: int
  depth: int  # residual layers
  sigma_data: float

  @nn.compact
  def __call__(self, x, sigma, condition, train):
    del train
    embedding = NoiseEmbedding(self.width)(jnp.log(sigma), condition)

    def correction(x):
      h = nn.Dense(self.width)(x.reshape(x.shape[0], -1))
      for _ in range(self.depth):
        inner = nn.silu(nn.Dense(self.width)(h) + nn.Dense(self.width)(embedding))
        h = h + nn.Dense(self.width)(inner)
      h = nn.Dense(x[0].size, kernel_init=nn.initializers.zeros_init())(nn.silu(h))
      return h.reshape(x.shape)

    return preconditioned(correction, x, sigma, self.sigma_data)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  model = config.model
  return assemble(config, ScoreMLP(model.width, model.depth, model.sigma_data))
