"""The generator of CycleGAN: a residual network between halvings and doublings of the image."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.nn.conv.layers import Conv, ConvTranspose
from jaxgen.nn.instance_norm import InstanceNorm

_SMALL = nn.initializers.normal(0.02)


class ResNetGenerator(nn.Module):
  """y f32[B, H', W', C'] in [-1, 1] -> f32[B, *shape] in [-1, 1].

  c7s1-64, d128, d256, R256 for each block, u128, u64, c7s1-3 of Zhu et al., "Unpaired image-to-image translation using
  cycle-consistent adversarial networks" (2017), section 7.2, with a width of 64, 2 halvings and 6 or 9 blocks. Borders
  are reflected, and every layer but the last is normalized for each image (`InstanceNorm`).

  Attributes:
    shape: (H, W, C) of what comes out; y is resized to it. Sides are multiples of `2^halvings`.
    width: channels at full resolution, doubled with every halving.
    halvings: of the image, before the blocks.
    num_blocks: of two 3x3 convolutions round a skip.
  """

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  halvings: int
  num_blocks: int

  @nn.compact
  def __call__(self, y: jax.Array) -> jax.Array:
    """Runs the network."""
    h = jax.image.resize(y, (len(y), *self.shape[:2], y.shape[-1]), 'nearest')
    h = _rectified(_reflected(h, self.width, 7))
    for index in range(self.halvings):
      h = _rectified(_conv(self.width * 2 ** (index + 1), 3, strides=(2, 2))(h))
    for _ in range(self.num_blocks):
      branch = _rectified(_reflected(h, h.shape[-1], 3))
      h = h + InstanceNorm()(_reflected(branch, h.shape[-1], 3))
    for index in reversed(range(self.halvings)):
      up = ConvTranspose(self.width * 2**index, (3, 3), (2, 2), kernel_init=_SMALL)
      h = _rectified(up(h))
    return jnp.tanh(_reflected(h, self.shape[-1], 7))

  @staticmethod
  def fits(size: int, halvings: int) -> bool:
    """Whether a side of `size` pixels can be halved so often, with enough pixels left to reflect at each border."""
    return size % 2**halvings == 0 and size > 3 and size // 2**halvings > 1


def _rectified(h):
  return nn.relu(InstanceNorm()(h))


def _reflected(h, features, kernel):
  edge = (kernel // 2, kernel // 2)
  return _conv(features, kernel, padding='VALID')(jnp.pad(h, ((0, 0), edge, edge, (0, 0)), 'reflect'))


def _conv(features, kernel, **how):
  return partial(Conv, kernel_init=_SMALL)(features, (kernel, kernel), **how)
