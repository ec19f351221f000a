"""A coupling flow for vectors (after Dinh et al., "Density estimation using Real NVP", 2017).

`depth` steps of activation normalization, a learned linear map (the invertible 1x1 convolution of Glow, which on a
vector mixes all coordinates) and an affine coupling whose network is a multilayer perceptron.
"""

import flax.linen as nn
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgen import optim
from jaxgen.bijectors import ActNorm, Chain, Coupling, InvertibleConv, Repeated, masks, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.flow import flow
from jaxgen.types import GenerativeModel

# Scales within 1/e and e: with more, twelve steps amplify an outlier to a loss in the thousands.
TRANSFORM = transforms.affine(transforms.bounded_log_scale(1.0))

KEYS = {
  'depth': Key(12, int, 'couplings', DEPTH),
  'width': Key(64, int, 'of the hidden layers', WIDTH),
  'num_layers': Key(2, int, 'hidden layers of a coupling', DEPTH),
  'conditional': Key(False, bool, 'on the label'),
  'temperature': Key(1.0, float, 'of the samples', '[0, 100]'),
}


class MLP(nn.Module):
  """`num_layers` hidden layers; the last layer starts at zero. `f32[B, D] (, f32[B, K]) -> f32[B, features]`."""

  width: int
  num_layers: int
  features: int

  @nn.compact
  def __call__(self, x, cond=None):
    h = x if cond is None else jnp.concatenate([x, cond], axis=-1)
    for _ in range(self.num_layers):
      h = nn.gelu(nn.Dense(self.width)(h))
    return nn.Dense(self.features, kernel_init=nn.initializers.zeros_init())(h)


def realnvp(dims: int, depth: int, width: int, num_layers: int) -> nn.Module:
  """A bijector `f32[B, dims] -> f32[B, dims]`."""
  moved = dims - dims // 2
  network = MLP(width, num_layers, TRANSFORM.num_params * moved)
  coupling = Coupling(network, TRANSFORM, masks.halves())
  step = Chain((ActNorm(), InvertibleConv(), coupling))
  return Chain((Repeated(step, depth), ActNorm()))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no vectors of at least two numbers.
  """
  model, shape = config.model, tuple(config.data.shape)
  if len(shape) != 1 or shape[0] < 2:
    raise UserError(
      f'jaxgen.models.realnvp models vectors of at least 2 numbers, not data of shape {shape}; '
      'for images there is jaxgen.models.glow.'
    )
  if model.conditional and not config.data.classes:
    raise UserError('config.model.conditional needs data with labels; set it to False.')
  return flow(
    realnvp(shape[0], model.depth, model.width, model.num_layers),
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    shape=shape,
    levels=config.data.levels,
    classes=config.data.classes if model.conditional else 0,
    temperature=model.temperature,
  )
