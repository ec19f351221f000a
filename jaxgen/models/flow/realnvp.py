"""A coupling flow for vectors (after Dinh et al., "Density estimation using Real NVP", 2017).

`depth` steps of activation normalization, a learned linear map (the invertible 1x1 convolution of Glow, which on a
vector mixes all coordinates) and an affine coupling whose network is a multilayer perceptron.
"""

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import ActNorm, Bijector, Chain, Coupling, InvertibleConv, Repeated, masks, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditioners import MLP
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'depth': Key(16, int, 'couplings', DEPTH),
  'width': Key(64, int, 'of the hidden layers', WIDTH),
  'num_layers': Key(2, int, 'hidden layers of a coupling', DEPTH),
  # 1 is too little for gaps as between eight Gaussians; with 3 an outlier costs so much that sixteen couplings learn
  # their examples by heart
  'bound': Key(2.0, float, 'of the logarithm of what a coupling stretches by', '(0, 10]', before=1.0),
  **settings.KEYS,
}


def realnvp(dims: int, depth: int, width: int, num_layers: int, bound: float) -> Bijector:
  """A bijector `f32[B, dims] -> f32[B, dims]`."""
  transform, moved = transforms.affine(transforms.bounded_log_scale(bound)), dims - dims // 2
  network = MLP(width, num_layers, transform.num_params * moved)
  coupling = Coupling(network, transform, masks.halves())
  step = Chain((ActNorm(), InvertibleConv(), coupling))
  return Chain((Repeated(step, depth), ActNorm()))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors of at least two numbers.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'vector' or x.shape[0] < 2:
    raise UserError(
      f'jaxgen.models.flow.realnvp models vectors of at least 2 numbers, not {x.kind} data of shape {x.shape}; '
      'for images there is jaxgen.models.flow.glow.'
    )
  bijector = realnvp(x.shape[0], model.depth, model.width, model.num_layers, model.bound)
  return settings.assemble(config, bijector)
