"""A neural spline flow for vectors, by couplings (Durkan et al., "Neural spline flows", 2019, section 5.1).

`depth` steps of activation normalization, a learned linear map in its LU form and a coupling by rational-quadratic
splines, whose network is residual. Activation normalization stands before every linear map, so that what a spline sees
begins standardized, within its box.
"""

from functools import partial

import flax.linen as nn
from ml_collections import ConfigDict

from jaxgen.bijectors import Bijector, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.families.conditions import joined
from jaxgen.models.flow.realnvp import coupled
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'depth': Key(4, int, 'couplings', DEPTH),
  'width': Key(64, int, 'of the hidden layers', WIDTH),
  'num_blocks': Key(2, int, 'residual blocks of a coupling', DEPTH),
  'bins': Key(8, int, 'of a spline', '[1, 512]'),
  'bound': Key(
    3.0, float, 'half of the side of the box outside of which a spline is the identity', '(0, 1000]'
  ),
  **settings.KEYS,
}


class ResidualMLP(nn.Module):
  """Residual blocks of two layers with activations before them; the last layer starts at zero.

  `f32[B, D] (, given) -> f32[B, features]`.
  """

  width: int
  num_blocks: int
  features: int

  @nn.compact
  def __call__(self, x, given=None):
    h = nn.Dense(self.width)(joined(x, given or {}))
    for _ in range(self.num_blocks):
      inner = nn.Dense(self.width)(nn.relu(h))
      h += nn.Dense(self.width)(nn.relu(inner))
    return nn.Dense(self.features, kernel_init=nn.initializers.zeros_init())(nn.relu(h))


def nsf(dims: int, depth: int, width: int, num_blocks: int, bins: int, bound: float) -> Bijector:
  """A bijector `f32[B, dims] -> f32[B, dims]`."""
  spline = transforms.rational_quadratic(bins, bound)
  return coupled(dims, depth, spline, partial(ResidualMLP, width, num_blocks))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors of at least two numbers.
  """
  model = config.model
  dims = settings.vector_size(config, least=2, for_images='jaxgen.models.flow.nsf_conv')
  bijector = nsf(dims, model.depth, model.width, model.num_blocks, model.bins, model.bound)
  return settings.assemble(config, bijector)
