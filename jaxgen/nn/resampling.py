"""Residual blocks that double or halve an image, of the adversarial networks from SNGAN to BigGAN-deep."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen.nn.conditional_batch_norm import ConditionalBatchNorm
from jaxgen.nn.pooling import doubled, mean_pool
from jaxgen.nn.spectral_norm import Layers, layers


class Common(NamedTuple):
  """What the blocks of a network have in common.

  Attributes:
    spectral: whether its layers have a spectral norm of one.
    kernel_init: of its layers.
    slope: of its rectifiers below 0.
    map_init: of the maps from a condition to gains and biases.
    spectral_maps: whether these have a spectral norm of one.
    axis_name: of the devices that share batch statistics.
  """

  spectral: bool
  kernel_init: Any
  slope: float = 0.0
  map_init: Any = nn.initializers.zeros_init()
  spectral_maps: bool = False
  axis_name: str | None = None

  def layers(self, train: bool) -> Layers:
    """Those of a network that is being applied."""
    return layers(self.spectral, train, kernel_init=self.kernel_init)

  def rectified(self, h: jax.Array) -> jax.Array:
    """h, times the slope where it is negative."""
    return nn.leaky_relu(h, self.slope)

  def normalized(self, h: jax.Array, condition: jax.Array | None, train: bool) -> jax.Array:
    """h after a batch normalization of its own, rectified."""
    norm = ConditionalBatchNorm(self.spectral_maps, self.map_init, self.axis_name)
    return self.rectified(norm(h, condition, train))


def sides(side: int, halvings: int) -> tuple[int, ...]:
  """The sides of an image as it grows to `side`, each half of the next, rounded up: `(45, 3)` -> `(6, 12, 23, 45)`."""
  return tuple(-(-side // 2**index) for index in reversed(range(halvings + 1)))


class UpBlock(nn.Module):
  """f32[B, S, S, C] -> f32[B, side, side, features], with the side that it has, or twice that, or one less (Miyato et
  al., "Spectral normalization for generative adversarial networks", 2018, figure 8; Brock et al. 2019, figure 15b).

  Attributes:
    features: channels of the output.
    side: of the output.
    common: see `Common`.
  """

  features: int
  side: int
  common: Common

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None, train: bool) -> jax.Array:
    """Runs the block; `condition` is f32[B, K] or nothing."""
    conv, upsampled, dense = self.common.layers(train)
    grows = self.side > x.shape[1]
    h = self.common.normalized(x, condition, train)
    h = _cut((upsampled if grows else conv)(self.features, (3, 3))(h), self.side)
    h = conv(self.features, (3, 3))(self.common.normalized(h, condition, train))
    skip = x
    if grows or self.features != x.shape[-1]:
      skip = dense(self.features)(x)  # of one pixel, so that it may as well come before the doubling
    return h + _cut(doubled(skip) if grows else skip, self.side)


class DeepUpBlock(nn.Module):
  """The same with a bottleneck of a quarter of the channels, and a skip of the first `features` channels (Brock et al.
  2019, figure 16b); `features` are at most C.

  Attributes:
    features: channels of the output.
    side: of the output.
    common: see `Common`.
  """

  features: int
  side: int
  common: Common

  @nn.compact
  def __call__(self, x: jax.Array, condition: jax.Array | None, train: bool) -> jax.Array:
    """Runs the block; `condition` is f32[B, K] or nothing."""
    conv, upsampled, dense = self.common.layers(train)
    grows = self.side > x.shape[1]
    narrow = max(x.shape[-1] // 4, 1)

    def normalized(h):
      return self.common.normalized(h, condition, train)

    h = dense(narrow)(normalized(x))
    h = _cut((upsampled if grows else conv)(narrow, (3, 3))(normalized(h)), self.side)
    h = conv(narrow, (3, 3))(normalized(h))
    h = dense(self.features)(normalized(h))
    skip = x[..., : self.features]
    return h + _cut(doubled(skip) if grows else skip, self.side)


class DownBlock(nn.Module):
  """f32[B, S, S, C] -> f32[B, S', S', features], where S' is S, or half of it, rounded up (Miyato et al. 2018, figure
  8; Brock et al. 2019, figure 15c).

  Attributes:
    features: channels of the output.
    halves: whether the sides are halved.
    common: see `Common`.
    of_image: it is the first block, and rectifies no pixels.
    wide: the first convolution has as many channels as the output, not as the input (Brock et al. 2019).
  """

  features: int
  halves: bool
  common: Common
  of_image: bool = False
  wide: bool = True

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    """Runs the block."""
    conv, _, dense = self.common.layers(train)
    channels = x.shape[-1]
    hidden = self.features if self.wide or self.of_image else channels
    h = conv(hidden, (3, 3))(x if self.of_image else self.common.rectified(x))
    h = conv(self.features, (3, 3))(self.common.rectified(h))
    skip = x
    if self.halves:
      h, skip = mean_pool(h), mean_pool(x)
    if self.halves or self.features != channels:
      skip = dense(self.features)(skip)
    return h + skip


class DeepDownBlock(nn.Module):
  """The same with a bottleneck of a quarter of the channels, and a skip that keeps all channels and appends what is
  missing (Brock et al. 2019, figure 16c); `features` are at least C.

  Attributes:
    features: channels of the output.
    halves: whether the sides are halved.
    common: see `Common`.
  """

  features: int
  halves: bool
  common: Common

  @nn.compact
  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    """Runs the block."""
    conv, _, dense = self.common.layers(train)
    narrow = max(self.features // 4, 1)
    h = dense(narrow)(self.common.rectified(x))
    for _ in range(2):
      h = conv(narrow, (3, 3))(self.common.rectified(h))
    h, skip = self.common.rectified(h), x
    if self.halves:
      h, skip = mean_pool(h), mean_pool(x)
    if missing := self.features - x.shape[-1]:
      skip = jnp.concatenate([skip, dense(missing)(skip)], -1)
    return dense(self.features)(h) + skip


def _cut(h, side):
  return h[:, :side, :side]
