"""What a config can set of every flow, whatever its bijector is."""

import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.bijectors import Bijector, Chain, Coupling, Logit, masks, transforms
from jaxgen.config_keys import Key
from jaxgen.errors import UserError
from jaxgen.families.conditioners import MLP, Convolutions
from jaxgen.families.flow import base, dequantization, flow
from jaxgen.types import Field, GenerativeModel

BASES = {
  'standard_normal': lambda x: base.standard_normal(),
  'standard_logistic': lambda x: base.standard_logistic(),
  'learned_normal': lambda x: base.learned_normal(),
  'class_conditional': lambda x: base.class_conditional(),
  'flow': lambda x: base.flow(Chain(_of_vectors(fields.size(x)))),
}
DEQUANTIZATIONS = {
  'usual': lambda x, given: dequantization.usual(x),
  'uniform': lambda x, given: dequantization.uniform(x.levels),
  'variational': lambda x, given: dequantization.variational(_of_noise(x), x, given),
  'none': lambda x, given: dequantization.none(),
}
KEYS = {
  'temperature': Key(1.0, float, 'of the samples', '[0, 100]'),
  'base': Key(
    'standard_normal',
    str,
    'the distribution of the latents; flow: four couplings upon a normal',
    choices=tuple(BASES),
    before='standard_normal',
  ),
  'dequantization': Key(
    'usual',
    str,
    'noise on whole numbers; usual: uniform, and none on continuous data',
    choices=tuple(DEQUANTIZATIONS),
    before='usual',
  ),
}
# Of flows with batch statistics, beside `KEYS`.
STATISTICS = {
  'averaged_statistics': Key(
    True, bool, 'whether averaged weights have averaged batch statistics, or the newest', before=False
  ),
}
# Of the flows that base and noise can be: small beside the one that they serve.
_DEPTH, _WIDTH, _LAYERS = 4, 32, 2
_TRANSFORM = transforms.affine(transforms.bounded_log_scale(2.0))


def assemble(config: ConfigDict, bijector: Bijector, drift: bool = True) -> GenerativeModel:
  """A flow of the data that `config` names, on their conditions; `config.model` holds `KEYS`; `drift` as of `flow`.

  Raises:
    UserError: if bijector, base or dequantization do not fit the data or the conditions.
  """
  model, x, given = config.model, fields.of(config)['x'], fields.given(config)
  if model.dequantization in ('uniform', 'variational') and not x.levels:
    raise UserError(
      f'config.model.dequantization={model.dequantization} adds noise to whole numbers, and {config.data.name} holds '
      'continuous data; set it to none.'
    )
  if model.dequantization == 'none' and x.levels:
    raise UserError(
      f'config.model.dequantization=none is of continuous data, and {config.data.name} holds {x.levels} values, '
      'which have no density; set it to uniform or variational.'
    )
  return flow(
    bijector,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=x,
    given=given,
    base=BASES[model.base](x),
    dequantization=DEQUANTIZATIONS[model.dequantization](x, given),
    temperature=model.temperature,
    drift=drift,
    average_statistics=model.get('averaged_statistics', True),
  )


def vector_size(config: ConfigDict, least: int = 1, for_images: str = 'jaxgen.models.flow.glow') -> int:
  """The length of the vectors that a flow is of.

  Args:
    config: of the experiment.
    least: the shortest that it can take.
    for_images: the module to take for images.

  Raises:
    UserError: if the data are no vectors, or shorter ones.
  """
  x = fields.of(config)['x']
  if x.kind != 'vector' or x.shape[0] < least:
    numbers = f' of at least {least} numbers' if least > 1 else ''
    raise UserError(
      f'{config.module} models vectors{numbers}, not {x.kind} data of shape {x.shape}; for images there is '
      f'{for_images}.'
    )
  return x.shape[0]


def _of_vectors(dims: int) -> list[Bijector]:
  """Couplings of f32[B, dims] that keep every other entry, by turns the even and the odd ones."""
  sides = (masks.binary(np.arange(dims) % 2 == turn % 2) for turn in range(_DEPTH))
  features = _TRANSFORM.num_params * dims
  return [Coupling(MLP(_WIDTH, _LAYERS, features), _TRANSFORM, side) for side in sides]


def _of_images(height: int, width: int, channels: int) -> list[Bijector]:
  """Couplings of f32[B, height, width, channels] that keep the one and the other colour of a checkerboard."""
  boards = (masks.checkerboard(height, width, turn % 2) for turn in range(_DEPTH))
  features = _TRANSFORM.num_params * channels
  return [Coupling(Convolutions(_WIDTH, _LAYERS, features), _TRANSFORM, board) for board in boards]


def _of_noise(x: Field) -> Bijector:
  """From noise in the unit cube to latents of the same shape; its networks see x among the conditions."""
  couplings = _of_images(*x.shape) if x.kind == 'image' else _of_vectors(x.shape[-1])
  return Chain((Logit(0.0), *couplings))
