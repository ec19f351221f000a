"""What a config sets of a variational autoencoder."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.vae import LIKELIHOODS, diagonal_gaussian, elbo, standard_normal, vae
from jaxgen.settings import vae_slots
from jaxgen.types import GenerativeModel

LIKELIHOOD_KEYS = {
  'likelihood': Key('discretized_logistic', str, 'of x given the latents', choices=tuple(LIKELIHOODS)),
  'likelihood_scale': Key(
    0.1, float, 'sigma of gaussian, b of laplace, where pixels fill the unit interval', '(0, inf)'
  ),
}
# Of all with vectors for latents.
BASIC_KEYS = {
  'latent_dim': Key(6, int, 'numbers in a latent vector', WIDTH),
  **LIKELIHOOD_KEYS,
  'reconstruction_weight': Key(1.0, float, 'lambda_1', '[0, inf)'),
  'kl_weight': Key(1.0, float, 'lambda_2, beta', '[0, inf)'),
  'kl_warmup_steps': Key(1000, int, 'over which kl_weight rises linearly from 0', '[0, 2147483647]'),
  'importance_samples': Key(64, int, 'K of the bound that is evaluated', '[1, 1000000]'),
}
# One config serves several modules: each takes what it needs.
KEYS = {
  'hidden': Key(
    (256, 256),
    tuple[int, ...],
    'widths of the perceptrons; vae_conv: the last is its hidden layer',
    WIDTH,
    least=1,
  ),
  'channels': Key((32, 64), tuple[int, ...], 'vae_conv: one halving of the image each', WIDTH, least=1),
  **BASIC_KEYS,
  **vae_slots.KEYS,
}


def assemble(
  config: ConfigDict, encoder: Callable[[int], nn.Module], decoder: Callable[[int], nn.Module]
) -> GenerativeModel:
  """The model of these networks, with the prior, posterior and objective that the config chooses.

  Args:
    config: `config.model` holds `KEYS`.
    encoder: as `jaxgen.families.vae.vae` takes it, given the numbers of a context; it gives `(mean, log_var)`, and a
      context if that is of any.
    decoder: as `jaxgen.families.vae.vae` takes it, given the number of outputs for each entry of x.

  Raises:
    UserError: if a setting does not fit the data, or another one.
  """
  model = config.model
  return with_slots(
    config,
    encoder(vae_slots.context(model)),
    decoder,
    **vae_slots.chosen(model, fields.given(config)),
    importance_samples=model.importance_samples,
  )


def plain(config: ConfigDict, encoder: nn.Module, decoder: Callable[[int], nn.Module]) -> GenerativeModel:
  """The same with a diagonal Gaussian for q(z|x), N(0, I) for p(z), and the evidence lower bound.

  Args:
    config: `config.model` holds `BASIC_KEYS`.
    encoder: as `jaxgen.families.vae.vae` takes it; it gives `(mean, log_var)`.
    decoder: the same, given the number of outputs for each entry of x.

  Raises:
    UserError: if a setting does not fit the data.
  """
  model = config.model
  return with_slots(
    config,
    encoder,
    decoder,
    prior=standard_normal(model.latent_dim),
    posterior=diagonal_gaussian(model.latent_dim),
    objective=elbo(model.reconstruction_weight, model.kl_weight, model.kl_warmup_steps),
    importance_samples=model.importance_samples,
  )


def with_slots(
  config: ConfigDict, encoder: nn.Module, decoder: Callable[[int], nn.Module], **slots: Any
) -> GenerativeModel:
  """The same with other slots: what every autoencoder takes from its config.

  Args:
    config: `config.model` holds `LIKELIHOOD_KEYS`.
    encoder: as `jaxgen.families.vae.vae` takes it.
    decoder: the same, given the number of outputs for each entry of x.
    **slots: prior, posterior and objective, and other arguments of `jaxgen.families.vae.vae`.

  Raises:
    UserError: if the likelihood does not fit the data.
  """
  model, x = config.model, fields.of(config)['x']
  try:
    likelihood = LIKELIHOODS[model.likelihood](x, model.likelihood_scale)
  except ValueError as error:
    raise UserError(f'config.model.likelihood={model.likelihood} cannot be used here: {error}') from error
  return of_config(config, encoder, decoder(likelihood.num_outputs), likelihood=likelihood, **slots)


def of_config(config: ConfigDict, encoder: nn.Module, decoder: nn.Module, **slots: Any) -> GenerativeModel:
  """The same with all slots, the likelihood too."""
  return vae(
    encoder,
    decoder,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=fields.of(config)['x'],
    given=fields.given(config),
    **slots,
  )
