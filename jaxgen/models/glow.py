"""Glow (Kingma & Dhariwal, "Glow: Generative flow with invertible 1x1 convolutions", 2018).

Every level squeezes 2x2 pixels into channels and goes through `depth` steps of activation normalization,
invertible 1x1 convolution and coupling (figure 2a); then half of the channels leave (figure 2b). What leaves has a
Gaussian prior whose mean and scale are a convolution of what stays; the last latents have one learned mean and scale
per channel, which may depend on the label. Here these priors are the last coupling of a level, `z = (h - mean) / std`,
so that all latents are standard normal.

As in the released code: hidden convolutions start at normal(0.05) and are followed by activation normalization, the
last one starts at zero with output scale `exp(3 s)`; `scale = sigmoid(s + 2)`; `x = (u + U) / levels - 1/2`. Not taken
over: the extra input channel that marks the image's border. Labels, where they are used, also enter the first hidden
layer of each coupling.
"""

import flax.linen as nn
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgen import optim
from jaxgen.bijectors import (
  ActNorm,
  Chain,
  Coupling,
  InvertibleConv,
  MultiScale,
  Repeated,
  ScaleShift,
  Squeeze,
  masks,
  transforms,
)
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.flow import flow
from jaxgen.nn import Conv
from jaxgen.types import GenerativeModel

COUPLINGS = {
  'affine': transforms.affine(transforms.sigmoid_log_scale),
  'additive': transforms.additive(),
}
KEYS = {
  'depth': Key(16, int, 'steps a level, K in the paper', DEPTH),
  'levels': Key(2, int, 'how often the image is halved, L in the paper', '[1, 12]'),
  'width': Key(32, int, 'of the hidden convolutions', WIDTH),
  'coupling': Key('affine', str, 'the transform of a coupling', choices=tuple(COUPLINGS)),
  'conditional': Key(False, bool, 'on the label'),
  'temperature': Key(1.0, float, 'of the samples', '[0, 100]'),
}
# The standard deviation of a prior stays within exp(-10) and exp(10), so that nothing overflows.
GAUSSIAN = transforms.affine(transforms.bounded_log_scale(10.0))


class ZeroConv(nn.Module):
  """A 3x3 convolution that starts at zero, and learns an output scale `exp(3 s)` (section 3.3).

  `f32[B, H, W, C] -> f32[B, H, W, features]`; a condition f32[B, K] adds a linear map of itself, from zero too.
  """

  features: int

  @nn.compact
  def __call__(self, x, cond=None):
    zeros = nn.initializers.zeros_init()
    h = Conv(self.features, (3, 3), kernel_init=zeros)(x)
    if cond is not None:
      h += nn.Dense(self.features, use_bias=False, kernel_init=zeros)(cond)[:, None, None]
    return h * jnp.exp(3.0 * self.param('log_scale', zeros, (self.features,)))


class Gaussian(nn.Module):
  """Mean and scale of what leaves a level, from what stays: `f32[B, H, W, C] -> f32[B, H, W, 2 C]`."""

  @nn.compact
  def __call__(self, x, cond=None):
    return ZeroConv(GAUSSIAN.num_params * x.shape[-1], name='conv')(x, cond)


class Conditioner(nn.Module):
  """The network of a coupling: 3x3, 1x1 and 3x3 convolutions (section 5).

  `f32[B, H, W, C] -> f32[B, H, W, multiple * C]`.
  """

  width: int
  multiple: int

  @nn.compact
  def __call__(self, x, cond=None):
    normal = nn.initializers.normal(0.05)
    h = Conv(self.width, (3, 3), use_bias=False, kernel_init=normal)(x)
    if cond is not None:
      h += nn.Dense(self.width, use_bias=False, kernel_init=nn.initializers.zeros_init())(cond)[:, None, None]
    h, _ = ActNorm(name='actnorm_0').forward_and_log_det(h)
    h = Conv(self.width, (1, 1), use_bias=False, kernel_init=normal)(nn.relu(h))
    h, _ = ActNorm(name='actnorm_1').forward_and_log_det(h)
    return ZeroConv(self.multiple * x.shape[-1], name='last')(nn.relu(h))


def glow(depth: int, levels: int, width: int, coupling: str) -> nn.Module:
  """Figure 2: a bijector from images in the unit cube to a tuple of standard normal latents.

  `f32[B, H, W, C] -> (f32[B, H/2, W/2, 2 C], f32[B, H/4, W/4, 4 C], ...)`, `levels` arrays.
  """
  transform = COUPLINGS[coupling]

  def level(mask):
    step = Chain(
      (
        ActNorm(),
        InvertibleConv(),
        Coupling(Conditioner(width, transform.num_params), transform, masks.halves()),
      ),
    )
    prior = Coupling(Gaussian(), GAUSSIAN, mask)
    return Chain((Squeeze(), Repeated(step, depth), prior))

  inner = [level(masks.halves()) for _ in range(levels - 1)]
  return Chain((ScaleShift(shift=-0.5), MultiScale((*inner, level(masks.nothing())))))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images, or their sides cannot be halved often enough.
  """
  model, shape = config.model, tuple(config.data.shape)
  if len(shape) != 3 or not config.data.levels:
    raise UserError(
      f'Glow models images, not data of shape {shape}; for vectors there is jaxgen.models.realnvp.'
    )
  if shape[0] % 2**model.levels or shape[1] % 2**model.levels:
    raise UserError(
      f'config.model.levels={model.levels} halves an image that often, and {shape[0]}x{shape[1]} pixels do not '
      f'allow it; lower it, or set config.data.image_size to a multiple of {2**model.levels}.'
    )
  if model.conditional and not config.data.classes:
    raise UserError('config.model.conditional needs data with labels; set it to False.')
  return flow(
    glow(model.depth, model.levels, model.width, model.coupling),
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    shape=shape,
    levels=config.data.levels,
    classes=config.data.classes if model.conditional else 0,
    temperature=model.temperature,
  )
