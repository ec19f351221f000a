"""A coupling flow for vectors (after Dinh et al., "Density estimation using Real NVP", 2017).

`depth` steps of activation normalization, a learned linear map (the invertible 1x1 convolution of Glow, which on a
vector mixes all coordinates) and an affine coupling whose network is a multilayer perceptron.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
from ml_collections import ConfigDict

from jaxgen.bijectors import ActNorm, Bijector, Chain, Coupling, InvertibleConv, Repeated, masks, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
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
  transform = transforms.affine(transforms.bounded_log_scale(bound))
  return coupled(dims, depth, transform, partial(MLP, width, num_layers))


def coupled(
  dims: int, depth: int, transform: transforms.Transform, network: Callable[[int], nn.Module]
) -> Bijector:
  """`depth` couplings of halves, each behind a normalization and a linear map: `f32[B, dims] -> f32[B, dims]`.

  Args:
    dims: of a vector, at least 2.
    depth: couplings.
    transform: of what moves.
    network: the conditioner with so many outputs.
  """
  conditioner = network(transform.num_params * (dims - dims // 2))
  step = Chain((ActNorm(), InvertibleConv(), Coupling(conditioner, transform, masks.halves())))
  return Chain((Repeated(step, depth), ActNorm()))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors of at least two numbers.
  """
  model, dims = config.model, settings.vector_size(config, least=2)
  bijector = realnvp(dims, model.depth, model.width, model.num_layers, model.bound)
  return settings.assemble(config, bijector)
