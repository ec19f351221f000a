"""The slot of a variational autoencoder for what training minimizes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxgen.losses import vae as losses
from jaxgen.types import Metrics, PRNGKey


class Terms(NamedTuple):
  """What an objective may weigh.

  Attributes:
    reconstruction: f32[B], -log p(x|z) in nats.
    kl: f32[B], as the posterior gives it.
    outputs: the encoder's: where q is a diagonal Gaussian its mean and log-variance, f32[B, latent_dim].
    z: the draws that were decoded.
    from_prior: `(rng, num) -> latents`, draws of the prior to compare them with.
  """

  reconstruction: jax.Array
  kl: jax.Array
  outputs: Any
  z: Any
  from_prior: Callable[[PRNGKey, int], Any]


class Objective(NamedTuple):
  """What training minimizes.

  Attributes:
    words: the formula, with its weights.
    loss: `(terms, rng, step) -> (f32[B], metrics)`. At `step` None, in evaluation, all schedules have ended.
  """

  words: str
  loss: Callable[[Terms, PRNGKey, jax.Array | None], tuple[jax.Array, Metrics]]


def commitment(weight: float = 0.25) -> Objective:
  """`-log p(x|z) + weight * commitment` (van den Oord et al., "Neural discrete representation learning", 2017, equation
  3; its second term moves the codes, which averaging does here)."""

  def loss(terms, rng, step):
    del rng, step
    return terms.reconstruction + weight * terms.kl, {}

  return Objective(f'1 * reconstruction + {weight:g} * commitment', loss)


def elbo(reconstruction_weight: float = 1.0, kl_weight: float = 1.0, kl_warmup_steps: int = 0) -> Objective:
  """`reconstruction_weight * -log p(x|z) + kl_weight * w(step) * KL`, where w rises from 0 to 1 over the warm-up.

  With weights of 1 it is minus the evidence lower bound; see `jaxgen.losses.vae.negative_elbo` and `kl_warmup`.

  Args:
    reconstruction_weight: lambda_1.
    kl_weight: lambda_2, also called beta.
    kl_warmup_steps: the steps over which the weight of the KL term rises.

  Raises:
    ValueError: if the warm-up is negative.
  """
  warmup = losses.kl_warmup(kl_warmup_steps)

  def loss(terms, rng, step):
    del rng
    weight = kl_weight * (1.0 if step is None else warmup(step))
    value = losses.negative_elbo(
      reconstruction=terms.reconstruction,
      kl=terms.kl,
      reconstruction_weight=reconstruction_weight,
      kl_weight=weight,
    )
    return value, {'kl_weight': weight}

  rise = f' (warm-up over {kl_warmup_steps} steps)' if kl_warmup_steps else ''
  return Objective(f'{reconstruction_weight:g} * reconstruction + {kl_weight:g} * kl{rise}', loss)
