"""A variational autoencoder of the blocks of BigGAN: its encoder is the discriminator with a mean and a log-variance in
the place of a logit, its decoder the generator.

With `likelihood='gaussian'` the loss is a mean square error and a KL divergence. A pixel of grey level u is compared as
`(u + U[0, 1)) / levels`, in the unit interval, with the decoder's mean m, so that with weights of 1 it is

    ||x - m||^2 / (2 sigma^2) + D (log sigma + log(2 pi) / 2) + KL(q(z|x) || N(0, I)),

in nats, summed over the D entries of an image; sigma is `likelihood_scale`. A sigma of 0.5 is the unit variance of
pixels between -1 and 1. The mean is the generator's image, `m = (1 + tanh(h)) / 2` of its last layer h.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.config_keys import Key
from jaxgen.families.conditions import joined
from jaxgen.models.gan import biggan, biggan_deep
from jaxgen.settings import gan as of_gan
from jaxgen.settings import vae as settings
from jaxgen.types import GenerativeModel

_OF_NETWORKS = ('width', 'blocks_per_resolution', 'attention', 'embedding_dim', 'slope', 'spectral_norm')
KEYS = {
  'deep': Key(False, bool, 'the blocks of BigGAN-deep'),
  **{name: biggan.KEYS[name] for name in _OF_NETWORKS},
  **settings.BASIC_KEYS,
}


class Encoder(nn.Module):
  """x f32[B, H, W, C], conditions -> (mean, log_var), each f32[B, latent_dim].

  Attributes:
    trunk: the discriminator's.
    latent_dim: of each.
  """

  trunk: biggan.Trunk
  latent_dim: int

  @nn.compact
  def __call__(self, x, given, train):
    h = joined(self.trunk(x, train), given)
    return jnp.split(self.trunk.common.layers(train).dense(2 * self.latent_dim)(h), 2, axis=-1)


class Decoder(nn.Module):
  """z f32[B, latent_dim], conditions -> f32[B, H, W, C, outputs].

  Attributes:
    generator: with C * outputs channels.
    outputs: of each entry of an image.
  """

  generator: biggan.Generator
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    h = self.generator(z, given, train)
    return h.reshape(*h.shape[:3], -1, self.outputs)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  x = of_gan.squares(config, biggan.LARGEST)
  parts = biggan_deep.PARTS if config.model.deep else biggan.PARTS
  trunk = biggan.networks(config, parts, x.shape)[1]

  def decoder(outputs):
    shape = (*x.shape[:2], x.shape[2] * outputs)
    return Decoder(biggan.networks(config, parts, shape, squash=_doubled)[0], outputs)

  return settings.plain(config, Encoder(trunk, config.model.latent_dim), decoder)


def _doubled(h: jax.Array) -> jax.Array:
  """Of which likelihoods take the sigmoid: sigmoid(2 h) = (1 + tanh(h)) / 2."""
  return 2 * h
