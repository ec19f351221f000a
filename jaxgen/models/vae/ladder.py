"""A ladder: a hierarchy of latents whose posterior weighs what comes from the image and what comes from above.

Sonderby et al., "Ladder variational autoencoders", 2016; see `jaxgen.families.vae.ladder`. All maps are perceptrons of
two hidden layers, as theirs; of theirs, which are deeper, batch normalization is left out.
"""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config_keys import WIDTH, Key
from jaxgen.errors import UserError
from jaxgen.families.conditions import joined
from jaxgen.families.vae import elbo, ladder, standard_normal
from jaxgen.models.vae.vae_mlp import Decoder
from jaxgen.settings import vae as settings
from jaxgen.types import GenerativeModel

_REACH = 4.0  # of a log-variance from above: the scale of a level is the decoder's to choose
KEYS = {
  'hidden': Key((512, 256, 128), tuple[int, ...], 'width of the perceptrons of each level', WIDTH, least=2),
  'latent_dims': Key(
    (32, 16, 8), tuple[int, ...], 'numbers in the latent of each level, the lowest first', WIDTH, least=2
  ),
  **{name: key for name, key in settings.BASIC_KEYS.items() if name != 'latent_dim'},
}


class Gaussian(nn.Module):
  """f32[B, D] -> the last hidden layer and (mean, log_var), each f32[B, dim]."""

  width: int
  dim: int

  @nn.compact
  def __call__(self, h):
    for _ in range(2):
      h = nn.silu(nn.Dense(self.width)(h))
    return h, tuple(jnp.split(nn.Dense(2 * self.dim)(h), 2, axis=-1))


class Encoder(nn.Module):
  """x f32[B, ...], conditions -> ((mean, log_var), ...), a pair for each level: the way up."""

  hidden: tuple[int, ...]
  dims: tuple[int, ...]

  @nn.compact
  def __call__(self, x, given, train):
    del train
    h, levels = joined(x.reshape(x.shape[0], -1), given), []
    for width, dim in zip(self.hidden, self.dims, strict=True):
      h, level = Gaussian(width, dim)(h)
      levels.append(level)
    return tuple(levels)


class TopDown(nn.Module):
  """p(z_level|z_above) of each level but the top, as `jaxgen.families.vae.ladder` takes it."""

  hidden: tuple[int, ...]
  dims: tuple[int, ...]

  def setup(self) -> None:
    self.levels = [Gaussian(width, dim) for width, dim in zip(self.hidden[1:], self.dims[:-1], strict=True)]

  def __call__(self, level, above, train):
    """Mean and log-variance, f32[B, dims[level]] each, of f32[B, dims[level + 1]]."""
    del train
    mean, log_var = self.levels[level](above)[1]
    return mean, _REACH * jnp.tanh(log_var / _REACH)

  def all_levels(self, above):
    """Those of all levels."""
    return [self(level, z, train=False) for level, z in enumerate(above)]


def build(config: ConfigDict) -> GenerativeModel:
  """The model that `config.model` describes (keys: `KEYS`).

  Raises:
    UserError: if a setting does not fit the data, or levels have no width.
  """
  model, shape = config.model, fields.of(config)['x'].shape
  hidden, dims = tuple(model.hidden), tuple(model.latent_dims)
  if len(hidden) != len(dims):
    raise UserError(
      f'config.model.hidden={hidden} has {len(hidden)} widths for the {len(dims)} levels of '
      f'config.model.latent_dims={dims}; give one of each for every level.'
    )
  return settings.with_slots(
    config,
    Encoder(hidden, dims),
    lambda outputs: Decoder(hidden[:1] * 2, shape, outputs),
    prior=standard_normal(sum(dims)),
    posterior=ladder(TopDown(hidden, dims), dims),
    objective=elbo(model.reconstruction_weight, model.kl_weight, model.kl_warmup_steps),
    importance_samples=model.importance_samples,
  )
