"""Progressive growing (Karras et al., "Progressive growing of GANs for improved quality, stability, and variation",
2018): both networks begin with small images, and layers for twice the size fade in one after the other.

Images of `4 * 2^k` pixels a side start from 4x4, others from the odd factor of their side: 28 from 7x7. All parameters
are there from the first step on; networks of a phase are those of its level (`jaxgen.families.gan.growth`). What they
show each other is of full size, where every pixel of a smaller image is repeated.
"""

from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.computing import block
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.families.gan import Growth, Latents, growing, normal
from jaxgen.families.gan.growth import faded, pooled, repeated, seen_at
from jaxgen.models.gan.dcgan import halvings
from jaxgen.models.gan.stylegan import Ending, channels_at
from jaxgen.nn.equalized import EqualizedConv, EqualizedDense, as_used, leaky
from jaxgen.nn.statistics import pixel_norm
from jaxgen.settings import gan as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'generator_width': Key(16, int, 'channels at full resolution, doubled with every halving', WIDTH),
  'discriminator_width': Key(16, int, 'the same of the discriminator', WIDTH),
  'stable_steps': Key(1000, int, 'at each resolution', '[0, inf)'),
  'fade_steps': Key(1000, int, 'from each resolution to the next', '[1, inf)'),
  **settings.KEYS,
}


class First(nn.Module):
  """z f32[B, latent_dim], of whose direction alone is made use, and conditions -> f32[B, size, size, features]."""

  size: int
  features: int

  @nn.compact
  def __call__(self, z, given):
    h = EqualizedDense(self.size * self.size * self.features)(joined(pixel_norm(z), given))
    h = pixel_norm(leaky(h.reshape(len(h), self.size, self.size, self.features)))
    return pixel_norm(leaky(EqualizedConv(self.features)(h)))


class Doubling(nn.Module):
  """f32[B, H, W, C] -> f32[B, 2 H, 2 W, features]."""

  features: int

  @nn.compact
  def __call__(self, x):
    h = pixel_norm(leaky(EqualizedConv(self.features)(repeated(x, 2))))
    return pixel_norm(leaky(EqualizedConv(self.features)(h)))


class Halving(nn.Module):
  """f32[B, H, W, C] -> f32[B, H / 2, W / 2, features]."""

  features: int

  @nn.compact
  def __call__(self, x):
    return pooled(leaky(EqualizedConv(self.features)(leaky(EqualizedConv(x.shape[-1])(x)))), 2)


class Generator(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, H, W, C], of data in [-1, 1], with the detail of level `index`."""

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  index: int

  def setup(self):
    start, last = halvings(self.shape[0])
    channels = [channels_at(self.width, last - index) for index in range(last + 1)]
    self.first = First(start, channels[0])
    self.doublings = [Doubling(features) for features in channels[1:]]
    self.images = [EqualizedConv(self.shape[-1], (1, 1)) for _ in channels]
    self.level = self.variable('growth', 'level', jnp.zeros, ())

  def __call__(self, z, given, train):
    del train
    hidden = [self.first(z, given)]
    index = len(self.doublings) if self.is_initializing() else self.index
    for doubling in self.doublings[:index]:
      hidden.append(block(doubling, hidden[-1]))
    if self.is_initializing():  # the layers of all levels
      return [image(h) for image, h in zip(self.images, hidden, strict=True)][-1]
    x = self.images[index](hidden[-1])
    if index:
      x = faded(self.level.value, index, x, repeated(self.images[index - 1](hidden[-2]), 2))
    return repeated(x, 2 ** (len(self.doublings) - index))


class Discriminator(nn.Module):
  """x f32[B, H, W, C] with the detail of level `index`, conditions -> logits f32[B], or what else its loss needs."""

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  index: int
  heads: tuple[str, ...] = ('logits',)
  classes: int = 0  # of the head of that name

  def setup(self):
    last = halvings(self.shape[0])[1]
    channels = [channels_at(self.width, last - index) for index in range(last + 1)]
    self.halvings = [Halving(features) for features in channels[:-1]]
    self.images = [EqualizedConv(features, (1, 1)) for features in channels]
    self.ending = Ending(self.heads, self.classes)
    self.level = self.variable('growth', 'level', jnp.zeros, ())

  def __call__(self, x, given, train):
    del train
    last = len(self.halvings)
    index = last if self.is_initializing() else self.index
    size = 2 ** (last - index)
    x = x[:, ::size, ::size]  # pixels are repeated, so that one of them says all
    if self.is_initializing():  # the layers of all levels
      for level, image in enumerate(self.images):
        image(pooled(x, 2 ** (last - level)))
    h = leaky(self.images[index](x))
    for level in reversed(range(index)):
      h = block(self.halvings[level], h)
      if level == index - 1:
        h = faded(self.level.value, index, h, leaky(self.images[level](pooled(x, 2))))
    return self.ending(h, given)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Latents count by their direction alone, so there is nothing to turn about them when sampling.

  Raises:
    UserError: if a setting does not fit the data, the images have not grown up when the run ends, or the discriminator
      has no optimizer.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'image' or x.shape[0] != x.shape[1] or not 4 <= halvings(x.shape[0])[0] <= 8:
    raise UserError(
      f'Progressive growing needs square images of 4, 5, ... or 8 times a power of two pixels, not {x.kind} data of '
      f'shape {x.shape}; set --config.data.image_size=32, for instance, or other data.'
    )
  growth = Growth(halvings(x.shape[0])[1] + 1, model.stable_steps, model.fade_steps)
  if growth.steps >= config.num_steps:
    raise UserError(
      f'images grow to {x.shape[0]} pixels until step {growth.steps:,}, and the run ends at {config.num_steps:,}; set '
      '--config.num_steps to more, or config.model.stable_steps and fade_steps to less.'
    )
  return growing([_of_level(config, x.shape, index, growth) for index in range(growth.levels)], growth)


def _of_level(config, shape, index, growth):
  model = config.model
  return settings.assemble(
    config,
    Generator(shape, model.generator_width, index),
    Discriminator(shape, model.discriminator_width, index, **settings.judging(config)),
    latents=Latents(normal),
    view=partial(seen_at, index, growth.levels),
    used=as_used,
  )
