"""NICE (Dinh et al., "NICE: Non-linear independent components estimation", 2015, section 5.1).

Flattened images go through `depth` additive couplings, whose networks are multilayer perceptrons and which move the
entries of odd and of even index in turns; then every entry has a learned scale (section 3.3). Before all of them
activation normalization standardizes every entry, which the paper leaves to the scales: those of a pixel at the border
have to grow by a factor of hundreds, and with Adam that takes as many steps as the rest together. The paper's base
distribution is `config.model.base='standard_logistic'`; its networks have rectifiers, these have GELUs.
"""

import math

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import (
  ActNorm,
  Bijector,
  Chain,
  Coupling,
  Reshape,
  ScaleShift,
  Scaling,
  masks,
  transforms,
)
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.families.conditioners import MLP
from jaxgen.models.flow.glow import check_images
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'depth': Key(4, int, 'couplings', DEPTH),
  'width': Key(1000, int, 'of the hidden layers', WIDTH),
  'num_layers': Key(5, int, 'hidden layers of a coupling', DEPTH),
  **settings.KEYS,
}


def nice(shape: tuple[int, ...], depth: int, width: int, num_layers: int) -> Bijector:
  """A bijector `f32[B, *shape] -> f32[B, D]`, with D numbers in an example."""
  size = math.prod(shape)
  moved = (size // 2, size - size // 2)  # of odd index, of even index
  couplings = [
    Coupling(MLP(width, num_layers, moved[i % 2]), transforms.additive(), masks.alternating(bool(i % 2)))
    for i in range(depth)
  ]
  return Chain((ScaleShift(2.0, -1.0), Reshape(shape, (size,)), ActNorm(), *couplings, Scaling()))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images.
  """
  check_images(config, halvings=0)
  model, shape = config.model, fields.of(config)['x'].shape
  bijector = nice(shape, model.depth, model.width, model.num_layers)
  return settings.assemble(config, bijector)
