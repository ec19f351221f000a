"""StyleGAN2 (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020): a mapping network makes
styles of latents, and styles scale the kernels of a synthesis network, which starts from a constant and is given noise.

The generator sums up images of all resolutions (skips), the discriminator's blocks are residual (section 4.1). Images
of `4 * 2^k` pixels a side start from 4x4, others from the odd factor of their side: 28 from 7x7.
"""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.computing import block
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import flat
from jaxgen.families.gan import Latents, normal, path_length_penalty, projected
from jaxgen.models.gan.dcgan import halvings
from jaxgen.nn.equalized import EqualizedConv, EqualizedDense, as_used, leaky
from jaxgen.nn.filtering import downsampled, smoothed, upsampled
from jaxgen.nn.statistics import minibatch_stddev, pixel_norm
from jaxgen.nn.styled import StyledLayer, ToImage
from jaxgen.settings import gan as settings
from jaxgen.types import GenerativeModel

KEYS = {
  'generator_width': Key(32, int, 'channels at full resolution, doubled with every halving', WIDTH),
  'discriminator_width': Key(32, int, 'the same of the discriminator', WIDTH),
  'mapping_layers': Key(8, int, 'from a latent to its style', DEPTH),
  'mapping_rate': Key(0.01, float, 'of learning in these layers, relative to all others', '(0, 1]'),
  'style_mixing': Key(0.9, float, 'share of training images made of two styles', '[0, 1]'),
  'path_length_weight': Key(2.0, float, 'of the penalty on path lengths; 0: none', '[0, inf)'),
  'path_length_period': Key(4, int, 'generator steps between two with that penalty', '[1, 1000]'),
  **settings.KEYS,
}

_MAX_CHANNELS = 512
_MEAN_DECAY = 0.9  # so that standing statistics can take the mean style of averaged weights anew


class MappingNetwork(nn.Module):
  """z f32[B, latent_dim], conditions -> w f32[B, latent_dim]; only the direction of z is looked at."""

  num_layers: int
  rate: float

  @nn.compact
  def __call__(self, z, given):
    size, h = z.shape[-1], pixel_norm(z)
    if given:
      h = jnp.concatenate([h, pixel_norm(EqualizedDense(size, name='embedding')(flat(given)))], -1)
    for _ in range(self.num_layers):
      h = leaky(EqualizedDense(size, self.rate)(h))
    return h


class SynthesisNetwork(nn.Module):
  """Styles f32[B, L, D] -> f32[B, *shape]; L is `num_styles(shape)`.

  Each resolution has two layers, the lowest one; its image has the style of the next resolution's first layer.
  """

  shape: tuple[int, ...]  # (H, W, C)
  width: int

  @nn.compact
  def __call__(self, styles):
    start, doublings = halvings(self.shape[0])
    channels = channels_at(self.width, doublings)
    constant = self.param('constant', nn.initializers.normal(1.0), (start, start, channels))
    h = jnp.broadcast_to(constant, (len(styles), *constant.shape))
    h = StyledLayer(channels)(h, styles[:, 0])
    image = ToImage(self.shape[-1])(h, styles[:, 1])
    for index in range(doublings):
      channels = channels_at(self.width, doublings - index - 1)
      of_layer = styles[:, 2 * index + 1 : 2 * index + 4]
      h = block(StyledLayer(channels, doubled=True), h, of_layer[:, 0])
      h = block(StyledLayer(channels), h, of_layer[:, 1])
      image = upsampled(image) + ToImage(self.shape[-1])(h, of_layer[:, 2])
    return image


class Generator(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, H, W, C], of data in [-1, 1].

  The mean style over the training is kept among the network's variables; in training some images are made of two
  styles, the second from a random layer on (Karras et al., "A style-based generator architecture for generative
  adversarial networks", 2019, section 3.1).
  """

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  latent_dim: int
  mapping_layers: int
  mapping_rate: float
  style_mixing: float

  def setup(self):
    self.map = MappingNetwork(self.mapping_layers, self.mapping_rate)
    self.synthesize = SynthesisNetwork(self.shape, self.width)
    self.mean = self.variable('statistics', 'mean_style', jnp.zeros, (self.latent_dim,))

  def __call__(self, z: jax.Array, given: Mapping[str, jax.Array], train: bool, truncation: float = 1.0):
    """Images; `truncation` is psi, `w' = mean + psi (w - mean)` (Karras et al. 2019, appendix B)."""
    styles = self.styles(z, given)
    if train:
      self._follow(styles[:, 0])
      styles = self._mixed(styles, z.shape, given)
    return self.synthesize(styles + (1 - truncation) * (self.mean.value - styles))  # of 1, exactly the styles

  def styles(self, z: jax.Array, given: Mapping[str, jax.Array]) -> jax.Array:
    """f32[B, L, latent_dim], one for all layers."""
    w = self.map(z, given)
    return jnp.broadcast_to(w[:, None], (len(w), num_styles(self.shape), w.shape[-1]))

  def synthesis(self, styles: jax.Array, given: Mapping[str, jax.Array]) -> jax.Array:
    """Images of styles f32[B, L, latent_dim]; conditions are in these."""
    del given
    return self.synthesize(styles)

  def _follow(self, w):
    if self.is_mutable_collection('statistics'):
      mean = w.astype(jnp.float32).mean(0)
      self.mean.value = _MEAN_DECAY * self.mean.value + (1 - _MEAN_DECAY) * mean

  def _mixed(self, styles, shape, given):
    if not self.style_mixing:
      return styles
    z_rng, whether_rng, layer_rng = jax.random.split(self.make_rng('noise'), 3)
    num, layers = styles.shape[:2]
    first = jax.random.randint(layer_rng, (num, 1, 1), 1, layers)  # the first layer of the second style
    mixed = jax.random.bernoulli(whether_rng, self.style_mixing, (num, 1, 1))
    of_second = mixed & (jnp.arange(layers)[:, None] >= first)
    return jnp.where(of_second, self.styles(jax.random.normal(z_rng, shape), given), styles)


class ResidualBlock(nn.Module):
  """x f32[B, H, W, C] -> f32[B, H / 2, W / 2, features]."""

  features: int

  @nn.compact
  def __call__(self, x):
    skip = EqualizedConv(self.features, (1, 1), use_bias=False)(downsampled(x))
    h = leaky(EqualizedConv(x.shape[-1])(x))
    h = leaky(EqualizedConv(self.features, strides=2, padding='VALID')(smoothed(h, (2, 2))))
    return (h + skip) / jnp.sqrt(2.0).astype(h.dtype)


class Ending(nn.Module):
  """x f32[B, H, W, C], conditions -> logits f32[B], or what else the loss of a discriminator needs.

  Examples are told in groups, see `jaxgen.nn.statistics.minibatch_stddev`. Conditions enter by projection (Miyato &
  Koyama, "cGANs with projection discriminator", 2018, equation 7).
  """

  heads: tuple[str, ...]
  classes: int  # of the head of that name

  @nn.compact
  def __call__(self, h, given):
    channels = h.shape[-1]
    h = leaky(EqualizedConv(channels)(minibatch_stddev(h)))
    h = leaky(EqualizedDense(channels)(h.reshape(len(h), -1)))
    return projected(self.heads, h, given, EqualizedDense, self.classes)


class Discriminator(nn.Module):
  """x f32[B, H, W, C], conditions -> what `Ending` says."""

  width: int
  heads: tuple[str, ...] = ('logits',)
  classes: int = 0

  @nn.compact
  def __call__(self, x, given, train):
    del train
    h = leaky(EqualizedConv(self.width, (1, 1))(x))
    for index in range(halvings(x.shape[1])[1]):
      h = block(ResidualBlock(channels_at(self.width, index + 1)), h)
    return Ending(self.heads, self.classes)(h, given)


def num_styles(shape: tuple[int, ...]) -> int:
  """The layers of `SynthesisNetwork` that have a style of their own."""
  return 2 * halvings(shape[0])[1] + 2


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Samples are given new noise, drawn from their key; what is decoded from latents has one that never changes. The knob
  `truncation` is psi: 1 turns nothing, at 0 every sample is that of the mean style.

  Raises:
    UserError: if a setting does not fit the data, or the discriminator has no optimizer.
  """
  model, x = config.model, fields.of(config)['x']
  if x.kind != 'image' or x.shape[0] != x.shape[1] or not 4 <= halvings(x.shape[0])[0] <= 8:
    raise UserError(
      f'StyleGAN2 needs square images of 4, 5, ... or 8 times a power of two pixels, not {x.kind} data of shape '
      f'{x.shape}; set --config.data.image_size=32, for instance, or other data.'
    )
  generator = Generator(
    x.shape,
    model.generator_width,
    model.latent_dim,
    model.mapping_layers,
    model.mapping_rate,
    model.style_mixing,
  )
  weight = model.path_length_weight
  return settings.assemble(
    config,
    generator,
    Discriminator(model.discriminator_width, **settings.judging(config)),
    generator_penalty=path_length_penalty(weight, model.path_length_period) if weight else None,
    latents=Latents(
      normal,
      generator_knobs={'truncation': 1.0},
      meanings={'truncation': 'styles are at this part of their distance to the mean style'},
    ),
    used=partial(as_used, rates={'map': model.mapping_rate, 'embedding': 1 / model.mapping_rate}),
  )


def channels_at(width: int, halvings: int) -> int:
  """Doubled with every halving, up to 512."""
  return min(width * 2**halvings, _MAX_CHANNELS)
