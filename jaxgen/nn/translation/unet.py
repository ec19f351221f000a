"""The generator of pix2pix: down to the bottleneck and up again, with a skip at every resolution."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.nn.conv.layers import Conv, ConvTranspose
from jaxgen.nn.instance_norm import InstanceNorm

_SMALL = nn.initializers.normal(0.02)
_MOST = 8  # times the width
_DROPPING = 3  # layers on the way up


class UNet(nn.Module):
  """y f32[B, H', W', C'] in [-1, 1], noise z f32[B, noise_dim], perhaps more inputs f32[B, K] -> f32[B, *shape] in
  [-1, 1].

  The U-Net of Isola et al., "Image-to-image translation with conditional adversarial networks" (2017), section 6.1.1,
  with a width of 64 and 8 halvings. Its noise is dropout of half the units in the first three layers of the way up,
  when it is trained and when it is used: a unit is dropped where its z is negative, and doubled where it is positive,
  so that normal z make it that dropout, and z = 0 its mean. Normalization is that of a batch of one, so that what an
  image becomes does not depend on its company. More inputs enter at the bottleneck.

  Attributes:
    shape: (H, W, C) of what comes out; y is resized to it. Sides are multiples of `2^halvings`.
    width: channels at the first halving, doubled with every further one up to eight times as many.
    halvings: of the image, at least 1.
  """

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  halvings: int

  @nn.compact
  def __call__(self, y: jax.Array, z: jax.Array, more: jax.Array | None = None) -> jax.Array:
    """Runs the network."""
    h = jax.image.resize(y, (len(y), *self.shape[:2], y.shape[-1]), 'nearest')
    skips, innermost = [], self.halvings - 1
    for index in range(self.halvings):
      normalized = 0 < index < innermost
      h = Conv(self._channels(index), (4, 4), (2, 2), use_bias=False, kernel_init=_SMALL)(h)
      h = nn.leaky_relu(InstanceNorm(affine=True)(h) if normalized else h, 0.2)
      skips.append(h)
    if more is not None:
      h = h + nn.Dense(h.shape[-1])(more)[:, None, None]
    for number, (height, width, channels) in enumerate(self._way_up()):
      h = ConvTranspose(channels, (4, 4), (2, 2), use_bias=False, kernel_init=_SMALL)(nn.relu(h))
      h = InstanceNorm(affine=True)(h)
      if number < _DROPPING:
        dropped, z = jnp.split(z, [height * width * channels], axis=-1)
        h = h * (1 + jnp.sign(dropped)).reshape(h.shape)
      h = jnp.concatenate([h, skips[innermost - 1 - number]], -1)
    return jnp.tanh(ConvTranspose(self.shape[-1], (4, 4), (2, 2), kernel_init=_SMALL)(nn.relu(h)))

  @property
  def noise_dim(self) -> int:
    """The units that may be dropped, at least 1: a network without any takes one number that it does not look at."""
    return max(1, sum(math.prod(layer) for layer in self._way_up()[:_DROPPING]))

  @staticmethod
  def fits(size: int, halvings: int) -> bool:
    """Whether a side of `size` pixels can be halved so often."""
    return size % 2**halvings == 0

  def _way_up(self):
    """The shapes of all layers after the bottleneck but the last."""
    return [
      (self.shape[0] >> (index + 1), self.shape[1] >> (index + 1), self._channels(index))
      for index in reversed(range(self.halvings - 1))
    ]

  def _channels(self, index):
    return self.width * min(2**index, _MOST)
