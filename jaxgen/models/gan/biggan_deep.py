"""BigGAN-deep (Brock et al., "Large scale GAN training for high fidelity natural image synthesis", 2019, appendix B,
tables 7 and 8).

Two blocks at each side, each with a bottleneck and a skip that no layer touches; the whole of z goes to all of them.
The chain of channels and sides is that of `jaxgen.models.gan.biggan`; a convolution of the image has the first entry of
the discriminator's, and its blocks the others.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.models.gan import biggan
from jaxgen.nn.resampling import DeepDownBlock, DeepUpBlock
from jaxgen.types import GenerativeModel

KEYS = {
  **biggan.KEYS,
  'width': Key(128, int, 'ch, of which all channels are multiples', WIDTH),
  'blocks_per_resolution': Key(2, int, 'residual blocks at each side of an image, in both networks', DEPTH),
}


def whole(z: jax.Array, embedding: jax.Array, num: int) -> list[jax.Array]:
  """All of z beside the embedding, for each."""
  return [jnp.concatenate([z, embedding], -1)] * num


class Trunk(biggan.Trunk):
  """x f32[B, H, W, C] -> features f32[B, 16 * width]; see `jaxgen.models.gan.biggan.Trunk`."""

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    first, *widths = self.widths(x.shape[1])
    h = self.common.layers(train).conv(first, (3, 3))(x)
    for features in widths:
      h = self.stage(DeepDownBlock(features, True, self.common), h, train)
    return self.common.rectified(h).sum((1, 2))


PARTS = biggan.Parts(Trunk, DeepUpBlock, whole)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: as `jaxgen.models.gan.biggan.build`.
  """
  return biggan.built(config, PARTS)
