"""Discriminators that judge the patches of an image, each by itself."""

import flax.linen as nn
import jax

from jaxgen.nn.conv.layers import Conv
from jaxgen.nn.instance_norm import InstanceNorm

_SMALL = nn.initializers.normal(0.02)
_MOST = 8  # times the width
_BORDER = (1, 1)


class SmallPatchDiscriminator(nn.Module):
  """x f32[B, H, W, C] -> logits of its patches, f32[B, h, w], of two layers without normalization.

  Attributes:
    width: channels of the first layer; the image is halved once, as they double.
  """

  width: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Runs the network."""
    h = nn.leaky_relu(Conv(self.width, (3, 3))(x), 0.2)
    h = nn.leaky_relu(Conv(2 * self.width, (4, 4), strides=(2, 2))(h), 0.2)
    return Conv(1, (3, 3))(h)[..., 0]


class PatchDiscriminator(nn.Module):
  """x f32[B, H, W, C] -> logits of its patches, f32[B, H / 2^n - 2, W / 2^n - 2] with n halvings.

  C64-C128-C256-C512 of Isola et al., "Image-to-image translation with conditional adversarial networks" (2017), section
  6.1.2, with a width of 64 and 3 halvings: each logit sees 70x70 pixels. Layers are 4x4 convolutions; all but the first
  and the last are normalized.

  Attributes:
    width: channels of the first layer, doubled with every layer up to eight times as many.
    halvings: of the image; one layer and the logits follow.
    affine: whether normalizations have parameters, and convolutions before them no bias then.
  """

  width: int
  halvings: int
  affine: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Runs the network."""
    for index in range(self.halvings + 1):
      strides = 2 if index < self.halvings else 1
      bias = index == 0 or not self.affine
      x = _conv(self.width * min(2**index, _MOST), strides, bias)(x)
      x = nn.leaky_relu(x if index == 0 else InstanceNorm(self.affine)(x), 0.2)
    return _conv(1, 1, True)(x)[..., 0]

  def side(self, size: int) -> int:
    """How many logits stand along a side of `size` pixels; 0 or less where it is too small."""
    for _ in range(self.halvings):
      size = size // 2
    return size - 2


def _conv(features, strides, bias):
  padding = (_BORDER, _BORDER)
  return Conv(features, (4, 4), (strides, strides), padding, use_bias=bias, kernel_init=_SMALL)
