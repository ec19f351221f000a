"""An encoder in front of a GAN's generator: three players, put together from losses and updates."""

import math

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.families.pixels import to_data, to_network
from jaxgen.losses import gan as gan_losses
from jaxgen.losses import vae as vae_losses
from jaxgen.models.gan.gan_mlp import Discriminator, Generator
from jaxgen.models.vae.vae_mlp import Encoder
from jaxgen.types import DATA_AXIS, GenerativeModel
from jaxgen.updates import alternate, chain, ema, minimize

_RECONSTRUCTION = 1.0  # weight of the squared error, summed over pixels in [-1, 1]
_KL = 1.0


def encoder_gan(config: ConfigDict) -> GenerativeModel:
  """A VAE whose decoder is a GAN's generator (Larsen et al., "Autoencoding beyond pixels", 2016, algorithm 1).

  The discriminator tells data from samples and from reconstructions; the generator wants both taken for data and,
  with the encoder, reconstructions near their originals and codes near the prior. The squared error is taken of pixels,
  where the paper takes it of a hidden layer of the discriminator.

  Args:
    config: of `jaxgen.models.gan.gan_mlp`, resolved.
  """
  model, field = config.model, fields.of(config)['x']
  shape, levels = field.shape, field.levels
  hidden, loss = tuple(model.hidden), gan_losses.LOSSES[model.loss]
  networks = {
    'encoder': Encoder(hidden, model.latent_dim),
    'generator': Generator(hidden, shape, bounded=True),
    'discriminator': Discriminator(hidden),
  }
  inputs = {'encoder': shape, 'generator': (model.latent_dim,), 'discriminator': shape}

  def init(rng, batch):
    params = {}
    for index, (name, network) in enumerate(networks.items()):
      blank = jnp.zeros((1, *inputs[name]))
      params[name] = network.init(jax.random.fold_in(rng, index), blank, {}, train=False)['params']
    return params, {}

  def generate(params, z):
    return networks['generator'].apply({'params': params['generator']}, z, {}, train=True)

  def judge(params, x):
    return networks['discriminator'].apply({'params': params['discriminator']}, x, {}, train=True)

  def images(params, rng, batch):
    """Data, samples and reconstructions, and the posterior of the codes."""
    prior_rng, posterior_rng = jax.random.split(rng)
    x = to_network(batch['x'], levels)
    mean, log_var = networks['encoder'].apply({'params': params['encoder']}, x, {}, train=True)
    z = vae_losses.reparameterize(posterior_rng, mean=mean, log_var=log_var)
    sampled = generate(params, jax.random.normal(prior_rng, mean.shape))
    return x, sampled, generate(params, z), mean, log_var

  def discriminator_loss(params, extra, rng, batch):
    x, sampled, again, *_ = images(params, rng, batch)
    real = judge(params, x)
    terms = [
      loss.discriminator(real_logits=real, fake_logits=judge(params, fake)) for fake in (sampled, again)
    ]
    terms = sum(terms) / 2
    penalty = model.penalty_weight * gan_losses.r1_penalty(lambda x: judge(params, x), x)
    return (terms + penalty).mean(), (extra, {'discriminator_loss': terms, 'penalty': penalty})

  def generator_loss(params, extra, rng, batch):
    x, sampled, again, mean, log_var = images(params, rng, batch)
    real = judge(params, x)
    fooled = [loss.generator(real_logits=real, fake_logits=judge(params, fake)) for fake in (sampled, again)]
    fooled = sum(fooled) / 2
    error = ((again - x) ** 2).reshape(len(x), -1).sum(-1) / 2
    kl = vae_losses.kl_standard_normal(mean=mean, log_var=log_var)
    scale = 1 / math.sqrt(math.prod(shape))
    total = fooled + scale * (_RECONSTRUCTION * error + _KL * kl)
    return total.mean(), (extra, {'generator_loss': fooled, 'error': error, 'kl': kl})

  def sample(params, extra, rng, num, given=None):
    return to_data(generate(params, jax.random.normal(rng, (num, model.latent_dim))), levels)

  players = ('encoder', 'generator')
  tx_generator = optim.make(config.optimizer, config.num_steps)
  tx_discriminator = optim.make(config.discriminator_optimizer, config.num_steps)
  game = alternate(
    minimize(discriminator_loss, tx_discriminator, wrt='discriminator', axis_name=DATA_AXIS),
    minimize(generator_loss, tx_generator, wrt=players, axis_name=DATA_AXIS),
  )
  return GenerativeModel(
    init=init,
    update=chain(game, ema(config.ema_decay)),
    evaluate=lambda params, extra, rng, batch: {},
    sample=sample,
    objective='discriminator: data against samples and reconstructions; generator and encoder: both, error and KL',
  )
