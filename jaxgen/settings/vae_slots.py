"""The slots of a variational autoencoder of vectors that a config chooses by name: any with any."""

from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from jaxgen.bijectors import ActNorm, Autoregressive, Bijector, Chain, Inverse, Planar, transforms
from jaxgen.config_keys import DEPTH, WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditioners import MLP
from jaxgen.families.vae import (
  Objective,
  Posterior,
  Prior,
  class_conditional,
  diagonal_gaussian,
  elbo,
  flow_posterior,
  flow_prior,
  infovae,
  iwae,
  mixture,
  standard_normal,
)
from jaxgen.losses.vae import KERNELS
from jaxgen.nn.made import MADE
from jaxgen.types import DataSpec

SHRINKING = transforms.affine(transforms.sigmoid_log_scale)
BOUNDED = transforms.affine(transforms.bounded_log_scale(2.0))


def planar(dims: int, depth: int) -> Bijector:
  """From latents to noise, f32[B, dims]; its inverse is closed, and pushes noise across `depth` planes."""
  return Chain(
    tuple(Inverse(Planar(MLP(width=1, num_layers=0, features=2 * dims + 1))) for _ in range(depth))
  )


def iaf(dims: int, depth: int, width: int) -> Bijector:
  """From latents to noise, f32[B, dims]; its inverse is closed: one pass of each masked network.

  Every layer is `z = sigmoid(s + 2) (e + m)`, with m and s of a masked network and the order of the latents turned
  round from layer to layer; Kingma et al. (2016) have `sigmoid(s) e + (1 - sigmoid(s)) m`, another way to write the
  same maps.
  """
  orders = (range(dims)[:: 1 if layer % 2 else -1] for layer in range(depth))
  return Chain(tuple(Inverse(_autoregressive(tuple(order), width, SHRINKING)) for order in orders))


def maf(dims: int, depth: int, width: int) -> Bijector:
  """From latents to noise, f32[B, dims], in one pass of each masked network; the way back is sequential."""
  orders = (range(dims)[:: 1 if layer % 2 else -1] for layer in range(depth))
  layers = (Chain((ActNorm(), _autoregressive(tuple(order), width, BOUNDED))) for order in orders)
  return Chain(tuple(layers))


def _autoregressive(order, width, transform):
  return Autoregressive(MADE((width, width), transform.num_params, order), transform)


# `(latent_dim, depth, width) -> Bijector` of the posterior; None where it has none.
POSTERIORS: dict[str, Callable[[int, int, int], Bijector] | None] = {
  'gaussian': None,
  'planar': lambda dims, depth, width: planar(dims, depth),
  'iaf': iaf,
}
# `(config.model, the conditions) -> Prior`
PRIORS: dict[str, Callable[[ConfigDict, DataSpec], Prior]] = {
  'normal': lambda model, given: standard_normal(model.latent_dim),
  'mixture': lambda model, given: mixture(model.components, model.latent_dim),
  'class_conditional': lambda model, given: class_conditional(model.latent_dim, given),
  'flow': lambda model, given: flow_prior(maf(model.latent_dim, model.depth, model.width), model.latent_dim),
}
# `(config.model, reconstruction_weight=, kl_weight=, kl_warmup_steps=) -> Objective`
OBJECTIVES: dict[str, Callable[..., Objective]] = {
  'elbo': lambda model, **weights: elbo(free_bits=model.free_bits, **weights),
  'iwae': lambda model, **weights: iwae(
    model.training_samples, doubly_reparameterized=model.doubly_reparameterized, **weights
  ),
  'infovae': lambda model, **weights: infovae(
    model.infovae_alpha, model.infovae_lambda, model.kernel, **weights
  ),
}
KEYS = {
  'prior': Key('normal', str, 'of the latents', choices=tuple(PRIORS), before='normal'),
  'components': Key(10, int, 'prior=mixture: normals in it', '[1, 65536]', before=10),
  'posterior': Key('gaussian', str, 'of the latents given x', choices=tuple(POSTERIORS), before='gaussian'),
  'depth': Key(4, int, 'layers of each flow, of prior and posterior', DEPTH, before=4),
  'width': Key(64, int, 'of the hidden layers of masked networks', WIDTH, before=64),
  'context': Key(32, int, 'numbers that the encoder gives the flow of the posterior', WIDTH, before=32),
  'objective': Key('elbo', str, 'what is minimized', choices=tuple(OBJECTIVES), before='elbo'),
  'free_bits': Key(0.0, float, 'objective=elbo: nats of each latent that are free', '[0, inf)', before=0.0),
  'training_samples': Key(
    5, int, 'objective=iwae: K, draws of the latents in training', '[1, 10000]', before=5
  ),
  'doubly_reparameterized': Key(
    False, bool, 'objective=iwae: the DReG gradient, of less variance', before=False
  ),
  'infovae_alpha': Key(0.0, float, 'objective=infovae: 1 - alpha weighs the KL', '(-inf, 1]', before=0.0),
  'infovae_lambda': Key(
    10.0, float, 'objective=infovae: alpha + lambda - 1 weighs the MMD', '(-inf, inf)', before=10.0
  ),
  'kernel': Key('gaussian', str, 'objective=infovae: of the MMD', choices=tuple(KERNELS), before='gaussian'),
}
# What is of one choice alone, and would be of no effect under another.
_OF_ONE = {
  'components': ('prior', 'mixture'),
  'free_bits': ('objective', 'elbo'),
  'training_samples': ('objective', 'iwae'),
  'doubly_reparameterized': ('objective', 'iwae'),
  'infovae_alpha': ('objective', 'infovae'),
  'infovae_lambda': ('objective', 'infovae'),
  'kernel': ('objective', 'infovae'),
}


def chosen(model: ConfigDict, given: DataSpec) -> dict[str, Any]:
  """The prior, posterior and objective that `config.model` names, by these names.

  Raises:
    UserError: if two settings do not fit each other or the conditions.
  """
  for key, (slot, choice) in _OF_ONE.items():
    if model[key] != KEYS[key].default and model[slot] != choice:
      raise UserError(
        f'config.model.{key}={model[key]} is of config.model.{slot}={choice} alone, and it is {model[slot]}; '
        f'set config.model.{key} to {KEYS[key].default}.'
      )
  if model.prior == 'mixture' and model.objective == 'infovae' and model.infovae_alpha == 1:
    raise UserError(
      'config.model.infovae_alpha=1 leaves the MMD alone, which teaches config.model.prior=mixture no weights of its '
      'components; set config.model.infovae_alpha below 1, or take another prior.'
    )
  if model.doubly_reparameterized and POSTERIORS[model.posterior]:
    raise UserError(
      f'config.model.doubly_reparameterized=True needs the density of any latents, and that of '
      f'config.model.posterior={model.posterior} is known of its own draws alone; take posterior=gaussian.'
    )
  if model.width < model.latent_dim and (model.posterior == 'iaf' or model.prior == 'flow'):
    raise UserError(
      f'config.model.width={model.width} leaves masked networks without a hidden unit for each of the '
      f'config.model.latent_dim={model.latent_dim} latents; set it to at least as many.'
    )
  weights = {name: model[name] for name in ('reconstruction_weight', 'kl_weight', 'kl_warmup_steps')}
  return {
    'prior': _made('prior', model, lambda: PRIORS[model.prior](model, given)),
    'posterior': _posterior(model),
    'objective': _made('objective', model, lambda: OBJECTIVES[model.objective](model, **weights)),
  }


def context(model: ConfigDict) -> int:
  """The numbers that the encoder gives the flow of the posterior; 0 where there is none."""
  return model.context if POSTERIORS[model.posterior] else 0


def _posterior(model) -> Posterior:
  bijector = POSTERIORS[model.posterior]
  if bijector is None:
    return diagonal_gaussian(model.latent_dim)
  return flow_posterior(bijector(model.latent_dim, model.depth, model.width), model.latent_dim, model.context)


def _made(key, model, make):
  try:
    return make()
  except ValueError as error:
    raise UserError(f'config.model.{key}={model[key]} cannot be used here: {error}') from error
