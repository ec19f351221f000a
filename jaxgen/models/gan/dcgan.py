"""A convolutional generator and discriminator, after DCGAN (Radford et al. 2016, section 3).

Images of `4 * 2^k` pixels a side start from 4x4, others from the odd factor of their side: 28 from 7x7.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.families.gan import projected
from jaxgen.nn import Conv, ConvTranspose
from jaxgen.nn.spectral_norm import layers
from jaxgen.settings import gan as settings
from jaxgen.types import DATA_AXIS, Field, GenerativeModel

KEYS = {
  'generator_width': Key(32, int, 'channels at full resolution, doubled with every halving', WIDTH),
  'discriminator_width': Key(32, int, 'the same of the discriminator', WIDTH),
  'batch_norm': Key(True, bool, 'in the generator'),
  'spectral_norm': Key(False, bool, 'in the discriminator'),
  **settings.KEYS,
}

_MAX_CHANNELS = 512
_SMALL = nn.initializers.normal(0.02)  # Radford et al. 2016, section 4


class Generator(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, H, W, C] in [-1, 1]."""

  shape: tuple[int, ...]  # (H, W, C)
  width: int  # channels at full resolution, doubled with every halving
  batch_norm: bool
  axis_name: str | None = None  # of the devices that share batch statistics

  @nn.compact
  def __call__(self, z, given, train):
    start, doublings = halvings(self.shape[0])
    normalize = _normalizer(self.batch_norm, train, self.axis_name)
    channels = min(self.width * 2**doublings, _MAX_CHANNELS)
    h = nn.Dense(start * start * channels)(joined(z, given)).reshape(-1, start, start, channels)
    h = nn.relu(normalize()(h))
    for index in reversed(range(doublings)):
      channels = min(self.width * 2**index, _MAX_CHANNELS)
      h = ConvTranspose(channels, (4, 4), (2, 2), kernel_init=_SMALL)(h)
      h = nn.relu(normalize()(h))
    return jnp.tanh(Conv(self.shape[-1], (3, 3))(h))


class Discriminator(nn.Module):
  """x f32[B, H, W, C], conditions -> logits f32[B], or what else its loss needs; see
  `jaxgen.families.gan.projected`."""

  width: int
  spectral_norm: bool
  heads: tuple[str, ...] = ('logits',)
  classes: int = 0  # of the head of that name

  @nn.compact
  def __call__(self, x, given, train):
    conv, dense = _layers(self.spectral_norm, train)
    h = nn.leaky_relu(conv(self.width, (3, 3))(x), 0.2)
    for index in range(halvings(x.shape[1])[1]):
      channels = min(self.width * 2 ** (index + 1), _MAX_CHANNELS)
      h = nn.leaky_relu(conv(channels, (4, 4), strides=2)(h), 0.2)
    h = h.reshape(h.shape[0], -1)
    return projected(self.heads, h, given, dense, self.classes)


def halvings(size: int) -> tuple[int, int]:
  """The side to start from, at least 4, and how often it is doubled to reach `size`: 28 -> (7, 2)."""
  doublings = 0
  while size % 2 == 0 and size // 2 >= 4:
    size, doublings = size // 2, doublings + 1
  return size, doublings


def check_images(x: Field) -> None:
  """Sees to it that x fits both networks.

  Raises:
    UserError: if x are no images that these networks can halve down to a few pixels.
  """
  settings.check_image(x)
  if x.shape[0] != x.shape[1] or halvings(x.shape[0])[0] > 8:
    raise UserError(
      f'A convolutional GAN needs square images of 4, 5, ... or 8 times a power of two pixels, not {x.shape}; '
      'set --config.data.image_size=32, for instance.'
    )


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or the discriminator has no optimizer.
  """
  model, x = config.model, fields.of(config)['x']
  check_images(x)
  generator = Generator(x.shape, model.generator_width, model.batch_norm, DATA_AXIS)
  discriminator = Discriminator(model.discriminator_width, model.spectral_norm, **settings.judging(config))
  return settings.assemble(config, generator, discriminator)


def _normalizer(batch_norm, train, axis_name):
  if not batch_norm:
    return lambda: lambda h: h
  return lambda: nn.BatchNorm(
    use_running_average=not train, momentum=0.9, axis_name=axis_name, scale_init=_scale_near_one
  )


def _layers(spectral_norm, train):
  """A convolution and a linear layer to choose from: `(features, ...) -> (x -> y)`."""
  conv, _, dense = layers(spectral_norm, train)
  return conv if spectral_norm else partial(conv, kernel_init=_SMALL), dense


def _scale_near_one(key, shape, dtype=jnp.float32):
  return 1 + 0.02 * jax.random.normal(key, shape, dtype)
