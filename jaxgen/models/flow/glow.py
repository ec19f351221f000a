"""Glow (Kingma & Dhariwal, "Glow: Generative flow with invertible 1x1 convolutions", 2018).

Every level squeezes 2x2 pixels into channels and goes through `depth` steps of activation normalization,
invertible 1x1 convolution and coupling (figure 2a); then half of the channels leave (figure 2b). What leaves has a
Gaussian prior whose mean and scale are a convolution of what stays; the last latents have one learned mean and scale
per channel, which may depend on the conditions. Here these priors are the last coupling of a level,
`z = (h - mean) / std`, so that all latents are standard normal.

As in the released code: hidden convolutions start at normal(0.05) and are followed by activation normalization, the
last one starts at zero with output scale `exp(3 s)`; `x = (u + U) / levels - 1/2`; as an option, an input channel of
the 3x3 convolutions that marks the image's border. Its scale is `sigmoid(s + 2)`; the inverse divides by that, however
small it is, and samples can overflow: here it stays above `least_scale`. Conditions also enter the first hidden layer
of each coupling.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import (
  ActNorm,
  Bijector,
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
from jaxgen.families.conditions import flat
from jaxgen.nn import Conv
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

COUPLINGS = {
  'affine': lambda least_scale: transforms.affine(transforms.floored_sigmoid_log_scale(least_scale)),
  'additive': lambda least_scale: transforms.additive(),
}
KEYS = {
  'depth': Key(16, int, 'steps a level, K in the paper', DEPTH),
  'levels': Key(2, int, 'how often the image is halved, L in the paper', '[1, 12]'),
  'width': Key(32, int, 'of the hidden convolutions', WIDTH),
  'coupling': Key('affine', str, 'the transform of a coupling', choices=tuple(COUPLINGS)),
  'least_scale': Key(0.1, float, 'of an affine coupling, whose inverse divides by it', '[0, 1)', before=0.0),
  'border': Key(False, bool, 'whether 3x3 convolutions see where the image ends', before=False),
  **settings.KEYS,
}
# The standard deviation of a prior stays within exp(-10) and exp(10), so that nothing overflows.
GAUSSIAN = transforms.affine(transforms.bounded_log_scale(10.0))


class Edge(nn.Module):
  """What a 3x3 convolution, padding 'SAME', adds if the image has one channel more: 1 on the padding and 0 inside.

  `f32[B, H, W, C] -> f32[1, H, W, features]`, the same for every image (`edge_bias` of the released code).
  """

  features: int
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x):
    frame = np.pad(
      np.zeros((1, *x.shape[1:3], 1), np.float32), [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=1
    )
    edge = Conv(
      self.features, (3, 3), padding='VALID', use_bias=False, kernel_init=self.kernel_init, name='conv'
    )
    return edge(jnp.asarray(frame))


class ZeroConv(nn.Module):
  """A 3x3 convolution that starts at zero, and learns an output scale `exp(3 s)` (section 3.3).

  `f32[B, H, W, C] -> f32[B, H, W, features]`; conditions add a linear map of themselves, from zero too.
  """

  features: int
  border: bool

  @nn.compact
  def __call__(self, x, given=None):
    zeros = nn.initializers.zeros_init()
    h = Conv(self.features, (3, 3), kernel_init=zeros)(x)
    if self.border:
      h += Edge(self.features, zeros, name='edge')(x)
    if given:
      h += nn.Dense(self.features, use_bias=False, kernel_init=zeros)(flat(given))[:, None, None]
    return h * jnp.exp(3.0 * self.param('log_scale', zeros, (self.features,)))


class Gaussian(nn.Module):
  """Mean and scale of what leaves a level, from what stays: `f32[B, H, W, C] -> f32[B, H, W, 2 C]`."""

  border: bool

  @nn.compact
  def __call__(self, x, given=None):
    return ZeroConv(GAUSSIAN.num_params * x.shape[-1], self.border, name='conv')(x, given)


class Conditioner(nn.Module):
  """The network of a coupling: 3x3, 1x1 and 3x3 convolutions (section 5).

  `f32[B, H, W, C] -> f32[B, H, W, multiple * C]`.
  """

  width: int
  multiple: int
  border: bool

  @nn.compact
  def __call__(self, x, given=None):
    normal = nn.initializers.normal(0.05)
    h = Conv(self.width, (3, 3), use_bias=False, kernel_init=normal)(x)
    if self.border:
      h += Edge(self.width, normal, name='edge')(x)
    if given:
      h += nn.Dense(self.width, use_bias=False, kernel_init=nn.initializers.zeros_init())(flat(given))[
        :, None, None
      ]
    h, _ = ActNorm(name='actnorm_0').forward_and_log_det(h)
    h = Conv(self.width, (1, 1), use_bias=False, kernel_init=normal)(nn.relu(h))
    h, _ = ActNorm(name='actnorm_1').forward_and_log_det(h)
    return ZeroConv(self.multiple * x.shape[-1], self.border, name='last')(nn.relu(h))


def glow(
  depth: int, levels: int, width: int, coupling: str, least_scale: float = 0.1, border: bool = False
) -> Bijector:
  """Glow itself; see `multi_scale`."""
  transform = COUPLINGS[coupling](least_scale)
  conditioner = partial(Conditioner, width, transform.num_params, border)
  return multi_scale(conditioner, transform, depth, levels, border)


def multi_scale(
  conditioner: Callable[[], Callable],
  transform: transforms.Transform,
  depth: int,
  levels: int,
  border: bool = False,
) -> Bijector:
  """Figure 2 with any coupling: a bijector from images in the unit cube to a tuple of standard normal latents.

  `f32[B, H, W, C] -> (f32[B, H/2, W/2, 2 C], f32[B, H/4, W/4, 4 C], ...)`, `levels` arrays.

  Args:
    conditioner: makes that of the couplings of a level: `f32[B, H, W, C] (, given) -> f32[B, H, W, num_params C]`.
    transform: of that coupling.
    depth: steps a level.
    levels: how often the image is halved.
    border: whether the priors see where the image ends.
  """

  def level(mask):
    step = Chain((ActNorm(), InvertibleConv(), Coupling(conditioner(), transform, masks.halves())))
    return Chain((Squeeze(), Repeated(step, depth), Coupling(Gaussian(border), GAUSSIAN, mask)))

  inner = [level(masks.halves()) for _ in range(levels - 1)]
  return Chain((ScaleShift(shift=-0.5), MultiScale((*inner, level(masks.nothing())))))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images, or their sides cannot be halved often enough.
  """
  model = config.model
  check_images(config, model.levels)
  bijector = glow(model.depth, model.levels, model.width, model.coupling, model.least_scale, model.border)
  return settings.assemble(config, bijector)


def check_images(config: ConfigDict, halvings: int) -> None:
  """Holds the data of a flow of images against how often it halves them.

  Raises:
    UserError: if they are no images of discrete values, or their sides cannot be halved that often.
  """
  x = fields.of(config)['x']
  if x.kind != 'image' or not x.levels:
    raise UserError(
      f'{config.module} models images of discrete values, not {x.kind} data of shape {x.shape}; for vectors there '
      'is jaxgen.models.flow.realnvp.'
    )
  height, width, _ = x.shape
  if height % 2**halvings or width % 2**halvings:
    raise UserError(
      f'config.model.levels={config.model.levels} halves an image {halvings} times, and {height}x{width} pixels do '
      f'not allow it; lower it, or set config.data.image_size to a multiple of {2**halvings}.'
    )
