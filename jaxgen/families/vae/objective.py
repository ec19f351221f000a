"""The slot of a variational autoencoder for what training minimizes."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.errors import UserError
from jaxgen.losses import vae as losses
from jaxgen.types import Metrics, PRNGKey


class Draws(NamedTuple):
  """The terms of each draw of z, of which an objective has K.

  Attributes:
    reconstruction: f32[K, B], -log p(x|z) in nats.
    log_ratio: f32[K, B], log p(z) - log q(z|x) in nats; None where q has no density.
  """

  reconstruction: jax.Array
  log_ratio: jax.Array | None


class Terms(NamedTuple):
  """What an objective may weigh.

  Attributes:
    reconstruction: f32[B], -log p(x|z) in nats, the mean over the draws of z.
    kl: f32[B], as the posterior gives it, the same mean.
    outputs: the encoder's: where q is a diagonal Gaussian its mean and log-variance, f32[B, latent_dim].
    z: the draws that were decoded, [K * B, ...], all examples of the first one first; None where several came one
      after the other.
    from_prior: `rng -> latents`, as many draws of the prior to compare them with.
    draws: what there is of each draw.
    kl_per_latent: f32[B, D], what each latent adds to `kl`; None where only their sum is known.
  """

  reconstruction: jax.Array
  kl: jax.Array
  outputs: Any
  z: Any
  from_prior: Callable[[PRNGKey], Any]
  draws: Draws
  kl_per_latent: jax.Array | None = None


class Objective(NamedTuple):
  """What training minimizes.

  Attributes:
    words: the formula, with its weights.
    loss: `(terms, rng, step) -> (f32[B], metrics)`. At `step` None, in evaluation, all schedules have ended, and what
      is of a batch as a whole is left out: the loss of an example does not depend on those that it comes with.
    num_draws: K, of z for each example.
    dreg_weight: `step -> f32[]`, what weighs log q in the log-weights whose score the gradient is without, see
      `jaxgen.losses.vae.doubly_reparameterized`; None where the gradient is the plain one.
    needs_density: whether it weighs each draw by its density, and so needs a posterior that has one.
    compares_latents: whether it compares z with draws of the prior, and so needs both to be vectors of one kind: no
      codes, no hierarchy.
  """

  words: str
  loss: Callable[[Terms, PRNGKey, jax.Array | None], tuple[jax.Array, Metrics]]
  num_draws: int = 1
  dreg_weight: Callable[[jax.Array | None], jax.Array | float] | None = None
  needs_density: bool = False
  compares_latents: bool = False


def commitment(weight: float = 0.25) -> Objective:
  """`-log p(x|z) + weight * commitment` (van den Oord et al., "Neural discrete representation learning", 2017, equation
  3; its second term moves the codes, which averaging does here)."""

  def loss(terms, rng, step):
    del rng, step
    return terms.reconstruction + weight * terms.kl, {}

  return Objective(f'1 * reconstruction + {weight:g} * commitment', loss)


def elbo(
  reconstruction_weight: float = 1.0,
  kl_weight: float = 1.0,
  kl_warmup_steps: int = 0,
  free_bits: float = 0.0,
) -> Objective:
  """`reconstruction_weight * -log p(x|z) + kl_weight * w(step) * KL`, where w rises from 0 to 1 over the warm-up.

  With weights of 1 it is minus the evidence lower bound; see `jaxgen.losses.vae.negative_elbo` and `kl_warmup`.

  Args:
    reconstruction_weight: lambda_1.
    kl_weight: lambda_2, also called beta.
    kl_warmup_steps: the steps over which the weight of the KL term rises.
    free_bits: nats of each latent for which nothing is paid, see `jaxgen.losses.vae.free_bits`; of all latents together
      where only the sum of their divergences is known. They are of the mean over a batch, so that the evaluated loss is
      without them.

  Raises:
    ValueError: if the warm-up is negative, or the free bits are, or no finite number.
  """
  if not 0 <= free_bits < math.inf:
    raise ValueError(f'free_bits must be a number of nats that is not negative, but is {free_bits}.')
  warmup = losses.kl_warmup(kl_warmup_steps)

  def loss(terms, rng, step):
    del rng
    weight, kl = _risen(kl_weight, warmup, step), terms.kl
    if free_bits and step is not None:
      kl = losses.free_bits(kl[:, None] if terms.kl_per_latent is None else terms.kl_per_latent, free_bits)
    value = losses.negative_elbo(
      reconstruction=terms.reconstruction,
      kl=kl,
      reconstruction_weight=reconstruction_weight,
      kl_weight=weight,
    )
    return value, {'kl_weight': weight}

  kl = (
    f'max(kl, {free_bits:g} nats) of each latent (of all together where only their sum is known; evaluated: kl)'
    if free_bits
    else 'kl'
  )
  words = f'{reconstruction_weight:g} * reconstruction + {kl_weight:g} * {kl}{_rise(kl_warmup_steps)}'
  return Objective(words, loss)


def iwae(
  num_draws: int,
  reconstruction_weight: float = 1.0,
  kl_weight: float = 1.0,
  kl_warmup_steps: int = 0,
  doubly_reparameterized: bool = False,
) -> Objective:
  """Minus the importance-weighted bound of K draws of z (Burda et al., "Importance weighted autoencoders", 2016,
  equation 8), whose log-weights are `reconstruction_weight * log p(x|z) + kl_weight * w(step) * log(p(z) / q(z|x))`.

  Args:
    num_draws: K. Of one, with weights of 1, it is minus the evidence lower bound, its KL estimated by the draw.
    reconstruction_weight: lambda_1; with other weights than 1 it is no bound.
    kl_weight: lambda_2.
    kl_warmup_steps: the steps over which the weight of the log-ratio rises.
    doubly_reparameterized: whether q is learned by the DReG estimator (Tucker et al. 2019), whatever the weights.

  Raises:
    ValueError: if there are no draws, or the warm-up is negative.
  """
  if num_draws < 1:
    raise ValueError(f'an importance-weighted bound needs at least 1 draw, not {num_draws}.')
  warmup = losses.kl_warmup(kl_warmup_steps)

  def weight_at(step):
    return _risen(kl_weight, warmup, step)

  def loss(terms, rng, step):
    del rng
    weight = weight_at(step)
    log_weights = weight * terms.draws.log_ratio - reconstruction_weight * terms.draws.reconstruction
    return -losses.importance_weighted_bound(log_weights), {'kl_weight': weight}

  words = (
    f'-log mean of {num_draws} exp(-{reconstruction_weight:g} * reconstruction + {kl_weight:g} * log p(z) / q(z|x)'
    f'{_rise(kl_warmup_steps)}){", DReG" if doubly_reparameterized else ""}'
  )
  dreg_weight = weight_at if doubly_reparameterized else None
  return Objective(words, loss, num_draws, dreg_weight, needs_density=True)


def infovae(
  alpha: float,
  lambda_: float,
  kernel: str = 'gaussian',
  reconstruction_weight: float = 1.0,
  kl_weight: float = 1.0,
  kl_warmup_steps: int = 0,
) -> Objective:
  """`-log p(x|z) + (1 - alpha) KL + (alpha + lambda - 1) MMD^2(q(z), p(z))`, see `jaxgen.losses.vae.infovae`.

  The discrepancy is of one draw of z for each example of the batch on one device and as many of the prior, at least 2,
  by the unbiased estimate: the biased one, whose pairs of a latent with itself are alike however far the latents
  spread, would draw them together at q(z) = p(z), too. Distances are measured by `2 latent_dim`, that of draws of
  N(0, I). The evaluated loss is without it: it is of a batch, not of an example.

  What draws of the prior have no gradient in, the weights of a mixture's components, learns by the KL alone.

  Args:
    alpha: below or at 1.
    lambda_: above `1 - alpha`: at that value there is no discrepancy, and `elbo` says so by its name.
    kernel: the name of one of `jaxgen.losses.vae.KERNELS`.
    reconstruction_weight: lambda_1 of `elbo`.
    kl_weight: lambda_2 of `elbo`, here of both divergences.
    kl_warmup_steps: the steps over which that weight rises.

  Raises:
    ValueError: if a divergence would not be weighed, or by less than 0 or no finite number, or there is no such kernel,
      or the warm-up is negative.
    UserError: by the loss, if a batch has one example on each device.
  """
  if not (-math.inf < alpha <= 1 < alpha + lambda_ < math.inf):
    raise ValueError(
      f'alpha={alpha:g} and lambda={lambda_:g} weigh KL(q(z|x) || p(z)) by 1 - alpha = {1 - alpha:g} and the '
      f'discrepancy of q(z) by alpha + lambda - 1 = {alpha + lambda_ - 1:g}; the one must not be negative, and the '
      'other above 0.'
    )
  if kernel not in losses.KERNELS:
    raise ValueError(f'there is no kernel {kernel}; there are: {", ".join(losses.KERNELS)}.')
  warmup = losses.kl_warmup(kl_warmup_steps)

  def loss(terms, rng, step):
    weight = _risen(kl_weight, warmup, step)
    compared = {} if step is None else {'mmd': _discrepancy(terms, rng, kernel)}
    value = losses.infovae(
      reconstruction=reconstruction_weight * terms.reconstruction,
      kl=weight * terms.kl,
      divergence=weight * compared.get('mmd', jnp.zeros(())),
      alpha=alpha,
      lambda_=lambda_,
    )
    return value, {'kl_weight': weight, **compared}

  words = (
    f'{reconstruction_weight:g} * reconstruction + {kl_weight:g} * ({1 - alpha:g} * kl + {alpha + lambda_ - 1:g} * '
    f'mmd){_rise(kl_warmup_steps)} (evaluated: without mmd)'
  )
  return Objective(words, loss, compares_latents=True)


def _discrepancy(terms, rng, kernel):
  if len(terms.z) < 2:
    raise UserError(
      'InfoVAE compares the latents of at least 2 examples, and a step has 1 on each device; raise config.batch_size.'
    )
  return losses.unbiased_squared_mmd(terms.z, terms.from_prior(rng), kernel=losses.KERNELS[kernel])


def _risen(weight, warmup, step):
  return weight * (1.0 if step is None else warmup(step))


def _rise(steps):
  return f' (warm-up over {steps} steps)' if steps else ''
