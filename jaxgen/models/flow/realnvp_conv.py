"""Real NVP for images (Dinh et al., "Density estimation using Real NVP", 2017, sections 3.4 to 3.7 and 4.1).

Pixels are brought to the whole space by a logit. Every level but the last goes through three affine couplings with
checkerboard masks, squeezes 2x2 pixels into channels, and goes through three couplings of channels; then half of the
channels leave. The last level has four couplings with checkerboard masks (section 3.6). The networks are residual, with
weight and batch normalization, twice as wide after a squeeze; the logarithm of a scale is their hyperbolic tangent
times a learned factor for each channel. Batch normalization, as a bijector, follows every coupling (section 3.7).

Not taken over: the penalty on the lengths of the kernels.
"""

import flax.linen as nn
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import (
  BatchNorm,
  Bijector,
  Chain,
  Coupling,
  Logit,
  MultiScale,
  Squeeze,
  masks,
  transforms,
)
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.families.conditions import flat
from jaxgen.models.flow.glow import check_images
from jaxgen.nn.residual import ResNet
from jaxgen.settings import flow as settings
from jaxgen.types import DATA_AXIS, GenerativeModel

KEYS = {
  'levels': Key(2, int, 'scales; all but the last halve the image', '[1, 12]'),
  'width': Key(32, int, 'channels of the first networks, doubled with every halving', WIDTH),
  'num_blocks': Key(4, int, 'residual blocks of a coupling', DEPTH),
  'lag': Key(0.0, float, 'how much of the running moments batch normalization trains with', '[0, 1)'),
  **settings.STATISTICS,
  **settings.KEYS,
}
# The conditioner bounds the scale.
TRANSFORM = transforms.affine(lambda log_scale: log_scale)


class Conditioner(nn.Module):
  """Shift, and logarithm of the scale in (-factor, factor): `f32[B, H, W, C] (, given) -> f32[B, H, W, 2 moved]`."""

  moved: int
  width: int
  num_blocks: int
  lag: float

  @nn.compact
  def __call__(self, x, given=None):
    network = ResNet(self.width, self.num_blocks, TRANSFORM.num_params * self.moved, self._normalize)
    shift, s = jnp.split(network(x, flat(given) if given else None), 2, axis=-1)
    factor = self.param('factor', nn.initializers.ones_init(), (self.moved,))
    return jnp.concatenate([shift, factor * jnp.tanh(s)], axis=-1)

  def _normalize(self):
    layer = batch_norm(self.lag)
    return lambda h: layer.forward_and_log_det(h)[0]


def batch_norm(lag: float) -> BatchNorm:
  """Over all devices."""
  return BatchNorm(lag=lag, axis_name=DATA_AXIS)


def realnvp(shape: tuple[int, ...], levels: int, width: int, num_blocks: int, lag: float) -> Bijector:
  """A bijector from images in the unit cube to a tuple of latents.

  `f32[B, H, W, C] -> (f32[B, H/2, W/2, 2 C], f32[B, H/4, W/4, 4 C], ..., f32[B, H/2^l, W/2^l, 2^l C])` with l =
  `levels - 1`: as many arrays as levels.
  """
  height, width_of_image, channels = shape

  def coupled(mask, moved, width):
    return Coupling(Conditioner(moved, width, num_blocks, lag), TRANSFORM, mask), batch_norm(lag)

  def checkerboards(num, index):
    sides = height // 2**index, width_of_image // 2**index
    for i in range(num):
      yield from coupled(masks.checkerboard(*sides, i % 2), 2**index * channels, width * 2**index)

  def halves(num, index):
    for i in range(num):
      yield from coupled(masks.halves(bool(i % 2)), 2 ** (index + 1) * channels, width * 2 ** (index + 1))

  inner = [Chain((*checkerboards(3, i), Squeeze(), *halves(3, i))) for i in range(levels - 1)]
  return Chain((Logit(0.05), MultiScale((*inner, Chain(tuple(checkerboards(4, levels - 1)))))))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images, or their sides cannot be halved often enough.
  """
  model, shape = config.model, fields.of(config)['x'].shape
  check_images(config, model.levels - 1)
  return settings.assemble(config, realnvp(shape, model.levels, model.width, model.num_blocks, model.lag))
