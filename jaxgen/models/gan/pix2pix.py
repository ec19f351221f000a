"""Translation of the image y that is given to the image x (Isola et al., "Image-to-image translation with conditional
adversarial networks", 2017): a conditional GAN and, in the generator's loss, lambda times the distance to the truth.

The generator is made for small images: what a pixel becomes may depend on pixels anywhere, as under a rotation, so all
places are mixed where a U-Net would pass through a bottleneck.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.families.gan import Penalty
from jaxgen.families.pixels import to_network
from jaxgen.losses.gan import distance_to_truth
from jaxgen.nn import Conv
from jaxgen.settings import gan as settings
from jaxgen.types import GenerativeModel, PRNGKey

KEYS = {
  'width': Key(32, int, 'channels of the generator', WIDTH),
  'num_layers': Key(2, int, 'of the generator, each mixes all places and then all channels', DEPTH),
  'discriminator_width': Key(32, int, 'channels of the discriminator', WIDTH),
  'l1_weight': Key(100.0, float, 'lambda, of the distance to the truth', '[0, inf)'),
  **settings.KEYS,
}


class Translator(nn.Module):
  """y f32[B, H', W', C'] in [-1, 1], perhaps more inputs f32[B, K] -> f32[B, *shape] in [-1, 1].

  Layers mix all places, then all channels (Tolstikhin et al., "MLP-Mixer", 2021, equation 1), each round a skip.

  Attributes:
    shape: (H, W, C) of what comes out; y is resized to it.
    width: channels.
    num_layers: of the mixer.
  """

  shape: tuple[int, ...]  # (H, W, C)
  width: int
  num_layers: int

  @nn.compact
  def __call__(self, y, more=None):
    height, width, channels = self.shape
    y = jax.image.resize(y, (len(y), height, width, y.shape[-1]), 'nearest')
    h = Conv(self.width, (3, 3))(y)
    if more is not None:
      h = h + nn.Dense(self.width)(more)[:, None, None]
    h = h.reshape(len(y), height * width, self.width)
    for _ in range(self.num_layers):
      places = nn.Dense(2 * height * width)(nn.LayerNorm()(h).swapaxes(1, 2))
      h = h + nn.Dense(height * width)(nn.gelu(places)).swapaxes(1, 2)
      h = h + nn.Dense(self.width)(nn.gelu(nn.Dense(2 * self.width)(nn.LayerNorm()(h))))
    return jnp.tanh(nn.Dense(channels)(h)).reshape(len(y), *self.shape)


class Judge(nn.Module):
  """x f32[B, H, W, C] -> logits of its patches, f32[B, h, w] (Isola et al. 2017, section 3.2.2).

  Attributes:
    width: channels of the first layer; the image is halved once, as they double.
  """

  width: int

  @nn.compact
  def __call__(self, x):
    h = nn.leaky_relu(Conv(self.width, (3, 3))(x), 0.2)
    h = nn.leaky_relu(Conv(2 * self.width, (4, 4), strides=(2, 2))(h), 0.2)
    return Conv(1, (3, 3))(h)[..., 0]


class Generator(nn.Module):
  """z f32[B, latent_dim] and y, which is given -> f32[B, *shape] in [-1, 1]; see `Translator`."""

  translator: Translator

  def __call__(self, z, given, train):
    del train
    others = {name: value for name, value in given.items() if name != 'y'}
    return self.translator(given['y'], joined(z, others))


class Discriminator(nn.Module):
  """x f32[B, H, W, C] beside y, which is given -> logits of patches, f32[B, h, w]; see `Judge`."""

  judge: Judge

  def __call__(self, x, given, train):
    del train
    y = given['y']
    y = jax.image.resize(y, (*x.shape[:3], y.shape[-1]), 'nearest')
    return self.judge(jnp.concatenate([x, y], -1))


def l1(
  generate: Callable[[jax.Array], jax.Array], rng: PRNGKey, *, latents: jax.Array, real: jax.Array
) -> jax.Array:
  """|x - G(y, z)|, the mean over pixels in [-1, 1], f32[B], see `jaxgen.losses.gan.distance_to_truth`."""
  del rng
  return distance_to_truth(x=real, translated=generate(latents))


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`). Its term `l1` is the distance of translations to x.

  Raises:
    UserError: if the data are not images beside an image y that is given, or the discriminator has no optimizer.
  """
  model, x, given = config.model, fields.of(config)['x'], fields.given(config)
  if x.kind != 'image' or 'y' not in given or given['y'].kind != 'image':
    raise UserError(
      f'pix2pix makes images of an image y that is given, and {config.data.name} has {x.kind} data, given: '
      f'{", ".join(given) or "nothing"}; set --config.given="(\'y\',)", and --config.data.twin or a set of pairs.'
    )
  game = settings.assemble(
    config,
    Generator(Translator(x.shape, model.width, model.num_layers)),
    Discriminator(Judge(model.discriminator_width)),
    generator_penalty=Penalty(l1, model.l1_weight),
  )

  assert game.sample  # generators draw
  draw = game.sample

  def evaluate(params, extra, rng, batch):
    terms = game.evaluate(params, extra, rng, batch)
    drawn = draw(params, extra, rng, len(batch['x']), {name: batch[name] for name in given})
    translated, truth = to_network(drawn, x.levels), to_network(batch['x'], x.levels)
    return {**terms, 'l1': distance_to_truth(x=truth, translated=translated)}

  return game._replace(evaluate=evaluate, selected_by='l1')
