"""A variational autoencoder of two multilayer perceptrons (Kingma & Welling 2014, appendix C)."""

import math
from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import optim
from jaxgen.errors import UserError
from jaxgen.families.likelihood import LIKELIHOODS
from jaxgen.families.vae import vae
from jaxgen.types import GenerativeModel


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
  """Keys of `config.model`: hidden, and those of `assemble`.

  Raises:
    UserError: if a setting does not fit the data, or there is no such likelihood.
  """
  hidden, shape = tuple(config.model.hidden), tuple(config.data.shape)
  encoder = Encoder(hidden, config.model.latent_dim)
  return assemble(config, encoder, lambda outputs: Decoder(hidden, shape, outputs))


def assemble(config: ConfigDict, encoder: nn.Module, decoder: Callable[[int], nn.Module]) -> GenerativeModel:
  """Whatever the networks are, what surrounds them is set by the same keys.

  Args:
    config: `config.model` holds latent_dim, likelihood, likelihood_scale, reconstruction_weight, kl_weight,
      kl_warmup_steps, importance_samples, conditional.
    encoder: as `jaxgen.families.vae.vae` takes it.
    decoder: the same, given the number of outputs for each entry of x.

  Raises:
    UserError: if a setting does not fit the data, or there is no such likelihood.
  """
  model, data = config.model, config.data
  if model.likelihood not in LIKELIHOODS:
    raise UserError(f'There is no likelihood "{model.likelihood}"; choose one of: {", ".join(LIKELIHOODS)}.')
  if model.conditional and not data.classes:
    raise UserError('config.model.conditional=True needs labels, and this data has none; set it to False.')
  if model.kl_warmup_steps < 0 or model.importance_samples < 1:
    raise UserError('config.model.kl_warmup_steps must be at least 0, and importance_samples at least 1.')
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
