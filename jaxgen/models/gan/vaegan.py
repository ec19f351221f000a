"""A variational autoencoder that a discriminator judges (Larsen et al., "Autoencoding beyond pixels using a learned
similarity metric", 2016), with the networks of `jaxgen.models.gan.dcgan` and an encoder that halves as they do."""

from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.gan import vae_gan
from jaxgen.losses.gan import PAIRS
from jaxgen.models.gan import dcgan
from jaxgen.models.vae.vae_conv import Encoder
from jaxgen.types import DATA_AXIS, GenerativeModel

KEYS = {
  'latent_dim': Key(32, int, 'numbers in a latent vector', WIDTH),
  'encoder_width': Key(32, int, 'channels at full resolution, doubled with every halving', WIDTH),
  'hidden': Key(256, int, 'width of the layer of the encoder that sees the whole image', WIDTH),
  'generator_width': dcgan.KEYS['generator_width'],
  'discriminator_width': dcgan.KEYS['discriminator_width'],
  'batch_norm': dcgan.KEYS['batch_norm'],
  'spectral_norm': dcgan.KEYS['spectral_norm'],
  'loss': Key('non_saturating', str, 'of discriminator and generator', choices=tuple(PAIRS)),
  'reconstruction_weight': Key(
    1.0, float, "gamma, of the distance of features in the generator's loss", '[0, inf)'
  ),
}


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no images of a size that can be halved, or the discriminator has no optimizer.
  """
  model, x = config.model, fields.of(config)['x']
  dcgan.check_images(x)
  if 'discriminator_optimizer' not in config:
    raise UserError('config.discriminator_optimizer is missing; set it to jaxgen.config.optimizer().')
  halvings = dcgan.halvings(x.shape[0])[1]
  channels = tuple(model.encoder_width * 2 ** (index + 1) for index in range(halvings))
  return vae_gan(
    Encoder(channels, model.hidden, model.latent_dim),
    dcgan.Generator(x.shape, model.generator_width, model.batch_norm, DATA_AXIS),
    dcgan.Discriminator(model.discriminator_width, model.spectral_norm, ('logits', 'features')),
    loss=PAIRS[model.loss],
    tx_autoencoder=optim.make(config.optimizer, config.num_steps),
    tx_discriminator=optim.make(config.discriminator_optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    latent_dim=model.latent_dim,
    x=x,
    given=fields.given(config),
    reconstruction_weight=model.reconstruction_weight,
    name=model.loss,
  )
