"""A masked autoregressive flow (Papamakarios et al., "Masked autoregressive flow for density estimation", 2017).

`depth` steps of normalization, a masked network (MADE) that says how each element is transformed given those before it,
and the reverse order for the next step. Images are flattened; discrete data go through a logit first (appendix D). With
`transform='spline'` it is the autoregressive neural spline flow (Durkan et al., "Neural spline flows", 2019).

A density is one pass of the networks, a sample as many as its elements need: see `jaxgen.bijectors.Autoregressive`.
"""

import math
from collections.abc import Callable
from functools import partial

from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import (
  ActNorm,
  Autoregressive,
  BatchNorm,
  Bijector,
  Chain,
  Logit,
  Repeated,
  Reshape,
  Reverse,
  transforms,
)
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.nn import MADE
from jaxgen.settings import flow as settings
from jaxgen.types import DATA_AXIS, Field, GenerativeModel

TRANSFORMS = {
  'affine': lambda bins, bound: transforms.affine(transforms.bounded_log_scale(3.0)),
  'spline': transforms.rational_quadratic,
}
NORMS: dict[str, Callable[[], Bijector]] = {
  'actnorm': ActNorm,
  'batch_norm': partial(BatchNorm, axis_name=DATA_AXIS),
}

KEYS = {
  'depth': Key(5, int, 'masked networks', DEPTH),
  'width': Key(64, int, 'of their hidden layers, at least the elements of an example', WIDTH),
  'num_layers': Key(2, int, 'hidden layers of each', DEPTH),
  'residual': Key(False, bool, 'whether a hidden layer is added to the one before'),
  'frequencies': Key(
    0, int, 'of the Fourier features that a network sees beside its inputs; 0: none', '[0, 16]', before=0
  ),
  'transform': Key('affine', str, 'of an element given those before it', choices=tuple(TRANSFORMS)),
  'bins': Key(8, int, 'of a spline', '[1, 512]', before=8),
  'bound': Key(
    3.0, float, 'half of the side of the box outside which a spline is the identity', '(0, 1000]', before=3.0
  ),
  'norm': Key('actnorm', str, 'before every step', choices=tuple(NORMS)),
  **settings.STATISTICS,
  **settings.KEYS,
}


def maf(
  x: Field,
  depth: int,
  width: int,
  num_layers: int,
  residual: bool,
  frequencies: int,
  transform: str,
  bins: int,
  bound: float,
  norm: str,
) -> Bijector:
  """A bijector from `x`, in the unit cube where it is discrete, to vectors: `f32[B, *shape] -> f32[B, D]`."""
  size, elementwise = math.prod(x.shape), TRANSFORMS[transform](bins, bound)
  network = MADE((width,) * num_layers, elementwise.num_params, residual=residual, frequencies=frequencies)
  step = Chain((NORMS[norm](), Autoregressive(network, elementwise), Reverse()))
  unbounded = (Logit(),) if x.levels else ()
  return Chain((*unbounded, Reshape(x.shape, (size,)), Repeated(step, depth), NORMS[norm]()))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are neither vectors nor images, or the networks are too narrow for them.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind not in ('vector', 'image'):
    raise UserError(f'{config.module} models vectors and images, not {x.kind} data of shape {x.shape}.')
  if model.width < math.prod(x.shape):
    raise UserError(
      f'config.model.width={model.width} is less than the {math.prod(x.shape)} elements of an example, each of which '
      'needs a hidden unit; raise it.'
    )
  own = {name: model[name] for name in KEYS.keys() - settings.KEYS.keys() - settings.STATISTICS.keys()}
  return settings.assemble(config, maf(x, **own))
