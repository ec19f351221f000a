"""Translation of the image y that is given to the image x (Isola et al., "Image-to-image translation with conditional
adversarial networks", 2017): a conditional GAN and, in the generator's loss, lambda times the distance to the truth.

As published: generator unet with a width of 64 and 8 halvings (of 256x256), whose noise is dropout, and discriminator
patch with 3 halvings. The mixer is for small images: what a pixel becomes may depend on pixels anywhere, as under a
rotation, so all places are mixed where a U-Net passes through a bottleneck.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.families.gan import Latents, Penalty, normal, truncated_normal
from jaxgen.families.pixels import to_network
from jaxgen.losses.gan import distance_to_truth
from jaxgen.settings import gan as settings
from jaxgen.settings import translation
from jaxgen.types import GenerativeModel, PRNGKey

KEYS = {
  'generator': Key('mixer', str, 'from y to x', choices=('mixer', 'unet'), before='mixer'),
  **translation.KEYS,
  'l1_weight': Key(100.0, float, 'lambda, of the distance to the truth', '[0, inf)'),
  **settings.KEYS,
  'latent_dim': Key(
    32, int, 'mixer: numbers in a latent vector; a unet has one for each unit it may drop', WIDTH
  ),
}


_DROPPED = Latents(
  normal,
  knobs={'temperature': 1.0},
  meanings={'temperature': '0: no unit is dropped; all else: as in training'},
)


class Generator(nn.Module):
  """z f32[B, latent_dim] and y, which is given -> f32[B, *shape] in [-1, 1]; see `jaxgen.nn.translation`."""

  translator: nn.Module

  def __call__(self, z, given, train):
    del train
    others = {name: value for name, value in given.items() if name != 'y'}
    return self.translator(given['y'], z, joined(z[:, :0], others) if others else None)


class Discriminator(nn.Module):
  """x f32[B, H, W, C] beside y, which is given -> logits of patches, f32[B, h, w]; see `jaxgen.nn.translation`."""

  judge: nn.Module

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
    UserError: if the data are not images beside an image y that is given, a network cannot halve them, or the
      discriminator has no optimizer.
  """
  model, x, given = config.model, fields.of(config)['x'], fields.given(config)
  if x.kind != 'image' or 'y' not in given or given['y'].kind != 'image':
    raise UserError(
      f'pix2pix makes images of an image y that is given, and {config.data.name} has {x.kind} data, given: '
      f'{", ".join(given) or "nothing"}; set --config.given="(\'y\',)", and --config.data.twin or a set of pairs.'
    )
  translator = translation.generator(config, x.shape)
  game = settings.assemble(
    config,
    Generator(translator),
    Discriminator(translation.discriminator(config, x.shape, affine=True)),
    latent_dim=translator.noise_dim or model.latent_dim,
    latents=_DROPPED if translator.noise_dim else truncated_normal(),
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
