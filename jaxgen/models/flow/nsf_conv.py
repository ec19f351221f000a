"""Neural spline flow for images (Durkan et al., "Neural spline flows", 2019, section 5.3 and appendix B.2).

The levels and steps of Glow, whose couplings move channels by rational-quadratic splines in place of affine maps. As in
the paper their networks are residual; these have activation normalization where the paper's have batch normalization,
and no dropout.
"""

from functools import partial

import flax.linen as nn
from ml_collections import ConfigDict

from jaxgen.bijectors import ActNorm, Bijector, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.families.conditions import flat
from jaxgen.models.flow.glow import check_images, multi_scale
from jaxgen.nn.residual import ResNet
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'depth': Key(7, int, 'steps a level', DEPTH),
  'levels': Key(2, int, 'how often the image is halved', '[1, 12]'),
  'width': Key(32, int, 'channels of the networks', WIDTH),
  'num_blocks': Key(1, int, 'residual blocks of a coupling', DEPTH),
  'bins': Key(4, int, 'of a spline, K in the paper', '[1, 512]'),
  'bound': Key(
    3.0, float, 'the splines are the identity outside [-bound, bound], B in the paper', '(0, 1000]'
  ),
  **settings.KEYS,
}


class Conditioner(nn.Module):
  """The parameters of as many splines as it sees channels: `f32[B, H, W, C] -> f32[B, H, W, multiple * C]`."""

  width: int
  num_blocks: int
  multiple: int

  @nn.compact
  def __call__(self, x, given=None):
    network = ResNet(self.width, self.num_blocks, self.multiple * x.shape[-1], _normalize)
    return network(x, flat(given) if given else None)


def nsf(depth: int, levels: int, width: int, num_blocks: int, bins: int, bound: float) -> Bijector:
  """See `jaxgen.models.flow.glow.multi_scale`."""
  transform = transforms.rational_quadratic(bins=bins, bound=bound)
  conditioner = partial(Conditioner, width, num_blocks, transform.num_params)
  return multi_scale(conditioner, transform, depth, levels)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images, or their sides cannot be halved often enough.
  """
  model = config.model
  check_images(config, model.levels)
  bijector = nsf(model.depth, model.levels, model.width, model.num_blocks, model.bins, model.bound)
  return settings.assemble(config, bijector)


def _normalize():
  layer = ActNorm()
  return lambda h: layer.forward_and_log_det(h)[0]
