"""An autoregressive neural spline flow for images (Durkan et al., "Neural spline flows", 2019, section 4.1).

One layer: the spline of a pixel is what a gated PixelCNN (`jaxgen.models.autoregressive.pixelcnn`) makes of the pixels
before it. Dequantized pixels fill the splines' box, and the box goes through a logit: under
`config.model.base='standard_logistic'` it is uniform, so that a straight piece of a spline is a level density, which
the noise of a pixel that is certain has. The derivatives of a spline are multiples of its slopes, those at the ends of
the box too.

A density is one pass of the network, a sample as many as its pixels need (`jaxgen.bijectors.Autoregressive`), hundreds
of them for an image of 28x28: evaluation does not go back from the latents.
"""

import math

import flax.linen as nn
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import Autoregressive, Bijector, Chain, Logit, Reshape, ScaleShift, transforms
from jaxgen.config_keys import Key
from jaxgen.models.autoregressive import pixelcnn
from jaxgen.models.flow.glow import check_images
from jaxgen.settings import flow as settings
from jaxgen.types import GenerativeModel

_NETWORK = {name: key for name, key in pixelcnn.KEYS.items() if name != 'dropout'}
KEYS = {
  **_NETWORK,
  'bins': Key(16, int, 'of a spline', '[1, 512]'),
  **settings.KEYS,
}


class Conditioner(nn.Module):
  """The parameters of the spline of each entry, in blocks: `f32[B, D] (, given) -> f32[B, num_params * D]`.

  Entries lie in [-1/2, 1/2].

  Attributes:
    network: `jaxgen.models.autoregressive.pixelcnn.PixelCNN` of numbers in [-1, 1].
    shape: of an image, D numbers.
  """

  network: nn.Module
  shape: tuple[int, ...]

  @nn.compact
  def __call__(self, x, given=None):
    params = self.network((2 * x).reshape(-1, *self.shape), given)
    return jnp.moveaxis(params.reshape(*x.shape, -1), -1, 1).reshape(len(x), -1)


def nsf_ar(shape: tuple[int, ...], bins: int, **network) -> Bijector:
  """A bijector from the unit cube to vectors, `f32[B, *shape] -> f32[B, D]`; `network` as of `PixelCNN`."""
  spline = transforms.rational_quadratic(bins, bound=0.5, relative=True)
  net = pixelcnn.PixelCNN(channels=shape[-1], levels=0, num_outputs=spline.num_params, **network)
  return Chain(
    (
      ScaleShift(shift=-0.5),
      Reshape(shape, (math.prod(shape),)),
      Autoregressive(Conditioner(net, shape), spline),
      ScaleShift(shift=0.5),
      Logit(alpha=0.0),
    )
  )


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images, or a setting of the network does not fit them.
  """
  check_images(config, halvings=0)
  pixelcnn.check(config)
  model, shape = config.model, fields.of(config)['x'].shape
  bijector = nsf_ar(shape, model.bins, **{name: model[name] for name in _NETWORK})
  return settings.assemble(config, bijector, drift=False)
