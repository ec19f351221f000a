"""The slot of a variational autoencoder for p(z)."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.bijectors import Bijector
from jaxgen.bijectors.bijector import shape_through
from jaxgen.families.networks import Part
from jaxgen.losses import vae as losses


class Prior(NamedTuple):
  """The distribution of the latents, fixed or learned. It sees no conditions: they are no part of latents.

  Attributes:
    name: in words.
    log_prob: `(apply, params, extra, latents, *, train) -> (f32[B], extra)`, log p(z) in nats; `apply` is that of
      `jaxgen.families.networks`, which a learned prior reaches its networks through.
    sample: `(apply, params, extra, rng, num, **knobs) -> latents`, of leading axis num.
    kl: `(mean, log_var) -> f32[B, D]`, KL(N(mean, diag(exp(log_var))) || p) in nats, latent by latent, where it has a
      closed form; without one it is estimated by the draw of z.
    knobs: what one may turn when sampling, with the defaults.
    parts: its networks, by the names that they have in `params`.
  """

  name: str
  log_prob: Callable[..., tuple[jax.Array, Any]]
  sample: Callable[..., Any]
  kl: Callable[[jax.Array, jax.Array], jax.Array] | None = None
  knobs: Mapping[str, float] = MappingProxyType({})
  parts: Mapping[str, Part] = MappingProxyType({})


def standard_normal(latent_dim: int) -> Prior:
  """N(0, I) of f32[latent_dim]; the temperature is the standard deviation of what is sampled."""

  def log_prob(apply, params, extra, z, *, train):
    del apply, params, train
    return losses.log_normal(z, mean=jnp.zeros_like(z), log_var=jnp.zeros_like(z)), extra

  def sample(apply, params, extra, rng, num, temperature=1.0):
    del apply, params, extra
    return temperature * jax.random.normal(rng, (num, latent_dim))

  def kl(mean, log_var):
    one_by_one = losses.kl_standard_normal(mean=mean.reshape(-1, 1), log_var=log_var.reshape(-1, 1))
    return one_by_one.reshape(mean.shape)

  return Prior('N(0, I)', log_prob, sample, kl, knobs={'temperature': 1.0})


def flow_prior(bijector: Bijector, latent_dim: int) -> Prior:
  """A flow that is learned with the autoencoder: `log p(z) = log N(f(z); 0, I) + log|det df/dz|`.

  As of Chen et al., "Variational lossy autoencoder" (2017), section 3.2. The temperature is the standard deviation of
  the noise that draws are made of.

  Args:
    bijector: f, from latents to noise, f32[B, latent_dim] both, without conditions, in both directions.
    latent_dim: the numbers in z.

  Raises:
    ValueError: if the bijector lacks a direction, one is needed for training and the other for samples, or cannot take
      such latents.
  """
  if not (bijector.has_forward and bijector.has_inverse):
    raise ValueError('a prior is trained and drawn from, and needs a bijector with both directions.')
  shape_through(bijector, (latent_dim,), 'prior')

  def log_prob(apply, params, extra, z, *, train):
    (e, log_det), extra = apply('prior', params, extra, z, train=train, method='forward_and_log_det')
    return losses.log_normal(e, mean=jnp.zeros_like(e), log_var=jnp.zeros_like(e)) + log_det, extra

  def sample(apply, params, extra, rng, num, temperature=1.0):
    e = temperature * jax.random.normal(rng, (num, latent_dim))
    return apply('prior', params, extra, e, train=False, method='inverse_and_log_det')[0][0]

  part = Part(bijector, lambda: (jnp.zeros((1, latent_dim)),), 'forward_and_log_det')
  return Prior('a flow upon N(0, I)', log_prob, sample, knobs={'temperature': 1.0}, parts={'prior': part})


def uniform_codes(num_codes: int, shape: tuple[int, ...]) -> Prior:
  """All codes alike, i32[*shape] in [0, num_codes): where no prior has been learned yet."""

  def log_prob(apply, params, extra, codes, *, train):
    del apply, params, train
    return jnp.full(len(codes), -math.prod(shape) * math.log(num_codes)), extra

  def sample(apply, params, extra, rng, num):
    del apply, params, extra
    return jax.random.randint(rng, (num, *shape), 0, num_codes)

  return Prior('uniform codes', log_prob, sample)
