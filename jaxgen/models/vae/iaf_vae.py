"""A variational autoencoder whose posterior, and whose prior if wanted, is a flow.

Kingma et al., "Improving variational inference with inverse autoregressive flow", 2016; Rezende & Mohamed, "Variational
inference with normalizing flows", 2015.

Encoder and decoder are those of `jaxgen.models.vae.vae_mlp`; the encoder also gives the context that the flow of the
posterior is conditioned on. Of the inverse autoregressive flow every layer is
`z = sigmoid(s + 2) (e + m)`, with m and s of a masked network and the order of the latents turned round from layer to
layer; the paper has `sigmoid(s) e + (1 - sigmoid(s)) m`, another way to write the same maps. Of the planar flow all
parameters are linear in the context.
"""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.bijectors import ActNorm, Autoregressive, Bijector, Chain, Inverse, Planar, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditioners import MLP
from jaxgen.families.conditions import joined
from jaxgen.families.vae import diagonal_gaussian, elbo, flow_posterior, flow_prior, standard_normal
from jaxgen.models.vae.vae_mlp import Decoder
from jaxgen.nn.made import MADE
from jaxgen.settings import vae as settings
from jaxgen.types import GenerativeModel

SHRINKING = transforms.affine(transforms.sigmoid_log_scale)
BOUNDED = transforms.affine(transforms.bounded_log_scale(2.0))


class Encoder(nn.Module):
  """x f32[B, ...], conditions -> (mean, log_var), each f32[B, latent_dim], and a context f32[B, context] if any."""

  hidden: tuple[int, ...]
  latent_dim: int
  context: int

  @nn.compact
  def __call__(self, x, given, train):
    del train
    h = joined(x.reshape(x.shape[0], -1), given)
    for width in self.hidden:
      h = nn.silu(nn.Dense(width)(h))
    mean, log_var = jnp.split(nn.Dense(2 * self.latent_dim)(h), 2, axis=-1)
    return (mean, log_var, nn.Dense(self.context)(h)) if self.context else (mean, log_var)


def planar(dims: int, depth: int) -> Bijector:
  """From latents to noise, f32[B, dims]; its inverse is closed, and pushes noise across `depth` planes."""
  return Chain(
    tuple(Inverse(Planar(MLP(width=1, num_layers=0, features=2 * dims + 1))) for _ in range(depth))
  )


def iaf(dims: int, depth: int, width: int) -> Bijector:
  """From latents to noise, f32[B, dims]; its inverse is closed: one pass of each masked network."""
  orders = (range(dims)[:: 1 if layer % 2 else -1] for layer in range(depth))
  return Chain(tuple(Inverse(_autoregressive(tuple(order), width, SHRINKING)) for order in orders))


def maf(dims: int, depth: int, width: int) -> Bijector:
  """From latents to noise, f32[B, dims], in one pass of each masked network; the way back is sequential."""
  orders = (range(dims)[:: 1 if layer % 2 else -1] for layer in range(depth))
  layers = (Chain((ActNorm(), _autoregressive(tuple(order), width, BOUNDED))) for order in orders)
  return Chain(tuple(layers))


def _autoregressive(order, width, transform):
  return Autoregressive(MADE((width, width), transform.num_params, order), transform)


# The bijector of the posterior from (latent_dim, depth, width); None where it has none.
POSTERIORS = {
  'gaussian': None,
  'planar': lambda dims, depth, width: planar(dims, depth),
  'iaf': iaf,
}
PRIORS = {
  'normal': lambda dims, depth, width: standard_normal(dims),
  'flow': lambda dims, depth, width: flow_prior(maf(dims, depth, width), dims),
}
KEYS = {
  **{name: key for name, key in settings.KEYS.items() if name != 'channels'},
  'posterior': Key('iaf', str, 'of the latents given x', choices=tuple(POSTERIORS)),
  'prior': Key('normal', str, 'of the latents; flow: a masked autoregressive one', choices=tuple(PRIORS)),
  'depth': Key(4, int, 'layers of each flow', DEPTH),
  'width': Key(64, int, 'of the hidden layers of masked networks', WIDTH),
  'context': Key(32, int, 'numbers that the encoder gives the flow of the posterior', WIDTH),
}


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or masked networks are narrower than a latent vector is long.
  """
  model, shape = config.model, fields.of(config)['x'].shape
  if model.width < model.latent_dim and (model.posterior == 'iaf' or model.prior == 'flow'):
    raise UserError(
      f'config.model.width={model.width} leaves masked networks without a hidden unit for each of the '
      f'config.model.latent_dim={model.latent_dim} latents; set it to at least as many.'
    )
  hidden, flow = tuple(model.hidden), (model.latent_dim, model.depth, model.width)
  bijector = POSTERIORS[model.posterior]
  return settings.with_slots(
    config,
    Encoder(hidden, model.latent_dim, model.context if bijector else 0),
    lambda outputs: Decoder(hidden, shape, outputs),
    prior=PRIORS[model.prior](*flow),
    posterior=flow_posterior(bijector(*flow), model.latent_dim, model.context)
    if bijector
    else diagonal_gaussian(model.latent_dim),
    objective=elbo(model.reconstruction_weight, model.kl_weight, model.kl_warmup_steps),
    importance_samples=model.importance_samples,
  )
