"""The slot of a variational autoencoder for p(z)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.families.networks import Part
from jaxgen.losses import vae as losses


class Prior(NamedTuple):
  """The distribution of the latents, fixed or learned. It sees no conditions: they are no part of latents.

  Attributes:
    log_prob: `(apply, params, extra, latents, *, train) -> (f32[B], extra)`, log p(z) in nats; `apply` is that of
      `jaxgen.families.networks`, which a learned prior reaches its networks through.
    sample: `(apply, params, extra, rng, num, temperature) -> latents`, of leading axis num.
    kl: `(mean, log_var) -> f32[B]`, KL(N(mean, diag(exp(log_var))) || p) in nats where it has a closed form; without
      one it is estimated by the draw of z.
    parts: its networks, by the names that they have in `params`.
  """

  log_prob: Callable[..., tuple[jax.Array, Any]]
  sample: Callable[..., Any]
  kl: Callable[[jax.Array, jax.Array], jax.Array] | None = None
  parts: Mapping[str, Part] = MappingProxyType({})


def standard_normal(latent_dim: int) -> Prior:
  """N(0, I) of f32[latent_dim]; the temperature is the standard deviation of what is sampled."""

  def log_prob(apply, params, extra, z, *, train):
    del apply, params, train
    return losses.log_normal(z, mean=jnp.zeros_like(z), log_var=jnp.zeros_like(z)), extra

  def sample(apply, params, extra, rng, num, temperature):
    del apply, params, extra
    return temperature * jax.random.normal(rng, (num, latent_dim))

  def kl(mean, log_var):
    return losses.kl_standard_normal(mean=mean, log_var=log_var)

  return Prior(log_prob, sample, kl)
