"""A variational autoencoder of tables with missing values, of two multilayer perceptrons.

Nazabal et al., "Handling incomplete heterogeneous data using VAEs", 2020 (mixed columns; without their hierarchy), and
Mattei & Frellsen, "MIWAE: deep generative modelling and imputation of incomplete data sets", 2019 (the bound on what is
observed, and imputation). Only what is observed is learned from.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields, optim
from jaxgen.config_keys import Key
from jaxgen.errors import UserError
from jaxgen.families.vae import mixed, vae
from jaxgen.models.vae import vae_mlp
from jaxgen.settings import vae as settings
from jaxgen.settings import vae_slots
from jaxgen.types import GenerativeModel

KEYS = {
  **{name: settings.KEYS[name] for name in ('hidden', 'latent_dim')},
  'likelihood_scale': Key(0.1, float, 'sigma of numbers, in standard deviations of their column', '(0, inf)'),
  'learned_scale': Key(True, bool, 'whether likelihood_scale is the least sigma, and sigma is learned'),
  **{
    name: settings.KEYS[name]
    for name in ('reconstruction_weight', 'kl_weight', 'kl_warmup_steps', 'importance_samples')
  },
  'imputation_samples': Key(1000, int, 'K, draws of the latents that an imputation weighs', '[1, 1000000]'),
  **vae_slots.KEYS,
}

GAPS = (
  True  # tables, and the mask of what is observed, are what it takes; see `jaxgen.experiment.build_model`
)


class Encoder(nn.Module):
  """x f32[B, D], conditions with the mask -> (mean, log_var), each f32[B, latent_dim], and a context if any.

  Categories become one-hot.
  """

  categories: tuple[int, ...]
  hidden: tuple[int, ...]
  latent_dim: int
  context: int = 0

  @nn.compact
  def __call__(self, x, given, train):
    h = one_hot(x, given[fields.OBSERVED], self.categories)
    return vae_mlp.Encoder(self.hidden, self.latent_dim, self.context, name='perceptron')(h, given, train)


def one_hot(x: jax.Array, observed: jax.Array, categories: tuple[int, ...]) -> jax.Array:
  """Numbers as they are and codes one-hot, f32[B, numbers and categories], all 0 where nothing was observed."""
  parts = []
  for column, count in enumerate(categories):
    value = x[:, column]
    part = jax.nn.one_hot(value.astype(jnp.int32), count) if count else value[:, None]
    parts.append(part * observed[:, column, None])
  return jnp.concatenate(parts, axis=-1)


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if the data are no table, or two settings do not fit each other.
  """
  model, spec = config.model, fields.of(config)
  x = spec['x']
  if x.kind != 'table' or not fields.has_gaps(spec):
    raise UserError(
      f'tabular_vae needs a table, not {x.kind} data of shape {x.shape}; set --config.data.name=table:<path>.csv.'
    )
  hidden, categories = tuple(model.hidden), tuple(config.data.columns)
  likelihood = mixed(x, categories, model.likelihood_scale, model.learned_scale)
  return vae(
    Encoder(categories, hidden, model.latent_dim, vae_slots.context(model)),
    vae_mlp.Decoder(hidden, x.shape, likelihood.num_outputs),
    **vae_slots.chosen(model, fields.given(config)),
    likelihood=likelihood,
    tx=optim.make(config.optimizer, config.num_steps),
    ema_decay=config.ema_decay,
    x=x,
    given=fields.given(config),
    importance_samples=model.importance_samples,
    has_gaps=True,
    imputation_samples=model.imputation_samples,
  )
