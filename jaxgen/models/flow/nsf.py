"""A neural spline flow for vectors, by couplings (Durkan et al., "Neural spline flows", 2019, section 5.1).

`depth` steps of activation normalization, a learned linear map in its LU form and a coupling by rational-quadratic
splines, whose network is residual. Activation normalization stands before every linear map, so that what a spline sees
begins standardized, within its box.
"""

import flax.linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import ActNorm, Bijector, Chain, Coupling, InvertibleConv, Repeated, masks, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
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
  network = ResidualMLP(width, num_blocks, spline.num_params * (dims - dims // 2))
  step = Chain((ActNorm(), InvertibleConv(), Coupling(network, spline, masks.halves())))
  return Chain((Repeated(step, depth), ActNorm()))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors of at least two numbers.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'vector' or x.shape[0] < 2:
    raise UserError(
      f'jaxgen.models.flow.nsf models vectors of at least 2 numbers, not {x.kind} data of shape {x.shape}; for '
      'images there is jaxgen.models.flow.nsf_conv.'
    )
  bijector = nsf(x.shape[0], model.depth, model.width, model.num_blocks, model.bins, model.bound)
  return settings.assemble(config, bijector)
