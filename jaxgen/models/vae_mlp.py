"""A variational autoencoder of two multilayer perceptrons (Kingma & Welling 2014, appendix C)."""

import math
from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import optim
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.likelihood import LIKELIHOODS
from jaxgen.families.vae import vae
from jaxgen.types import GenerativeModel

# Of all autoencoders, so that one config serves every module: each takes what it needs.
KEYS = {
  'hidden': Key(
    (256, 256),
    tuple[int, ...],
    'widths of the perceptrons; vae_conv: the last is its hidden layer',
    WIDTH,
    least=1,
  ),
  'channels': Key((32, 64), tuple[int, ...], 'vae_conv: one halving of the image each', WIDTH, least=1),
  'latent_dim': Key(6, int, 'numbers in a latent vector', WIDTH),
  'likelihood': Key('discretized_logistic', str, 'of x given the latents', choices=tuple(LIKELIHOODS)),
  'likelihood_scale': Key(
    0.1, float, 'sigma of gaussian, b of laplace, where pixels fill the unit interval', '(0, inf)'
  ),
  'reconstruction_weight': Key(1.0, float, 'lambda_1', '[0, inf)'),
  'kl_weight': Key(1.0, float, 'lambda_2, beta', '[0, inf)'),
  'kl_warmup_steps': Key(1000, int, 'over which kl_weight rises linearly from 0', '[0, 2147483647]'),
  'importance_samples': Key(64, int, 'K of the bound that is evaluated', '[1, 1000000]'),
  'conditional': Key(False, bool, 'on the label'),
}


class Encoder(nn.Module):
  """x f32[B, ...], condition f32[B, classes] or None -> (mean, log_var), each f32[B, latent_dim]."""

  hidden: tuple[int, ...]
  latent_dim: int

  @nn.compact
  def __call__(self, x, condition=None):
    h = joined(x.reshape(x.shape[0], -1), condition)
    for width in self.hidden:
      h = nn.silu(nn.Dense(width)(h))
    return jnp.split(nn.Dense(2 * self.latent_dim)(h), 2, axis=-1)


class Decoder(nn.Module):
  """z f32[B, latent_dim], condition -> f32[B, *shape, outputs]; the widths are the encoder's, backwards."""

  hidden: tuple[int, ...]
  shape: tuple[int, ...]
  outputs: int

  @nn.compact
  def __call__(self, z, condition=None):
    h = joined(z, condition)
    for width in reversed(self.hidden):
      h = nn.silu(nn.Dense(width)(h))
    return nn.Dense(math.prod(self.shape) * self.outputs)(h).reshape(-1, *self.shape, self.outputs)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data.
  """
  hidden, shape = tuple(config.model.hidden), tuple(config.data.shape)
  encoder = Encoder(hidden, config.model.latent_dim)
  return assemble(config, encoder, lambda outputs: Decoder(hidden, shape, outputs))


def assemble(config: ConfigDict, encoder: nn.Module, decoder: Callable[[int], nn.Module]) -> GenerativeModel:
  """Whatever the networks are, what surrounds them is set by the same keys.

  Args:
    config: `config.model` holds `KEYS`.
    encoder: as `jaxgen.families.vae.vae` takes it.
    decoder: the same, given the number of outputs for each entry of x.

  Raises:
    UserError: if a setting does not fit the data.
  """
  model, data = config.model, config.data
  if model.conditional and not data.classes:
    raise UserError('config.model.conditional=True needs labels, and this data has none; set it to False.')
  try:
    likelihood = LIKELIHOODS[model.likelihood](data.levels, model.likelihood_scale)
  except ValueError as error:
    raise UserError(f'config.model.likelihood={model.likelihood} cannot be used here: {error}') from error
  return vae(
    encoder,
    decoder(likelihood.num_outputs),
    likelihood=likelihood,
    latent_dim=model.latent_dim,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    shape=tuple(data.shape),
    levels=data.levels,
    classes=data.classes if model.conditional else 0,
    reconstruction_weight=model.reconstruction_weight,
    kl_weight=model.kl_weight,
    kl_warmup_steps=model.kl_warmup_steps,
    importance_samples=model.importance_samples,
  )


def joined(x, condition):
  """f32[B, D] and a condition side by side."""
  return x if condition is None else jnp.concatenate([x, condition.astype(x.dtype)], axis=-1)
