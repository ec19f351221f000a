"""The terms of a variational autoencoder's objective: arrays in, one number per example out, in nats.

Reconstruction, a `*_nll` of `jaxgen.losses.likelihood`, plus KL divergence is a bound on `-log p(x)`. All sums run over
every axis but the first. What a distribution is of comes first; its parameters, arrays of the same shape, are given by
name. Whatever finite numbers a network puts out, values and gradients are finite; see `jaxgen.losses._finite`.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_broadcasts, check_per_example, check_rank, check_same_shape
from jaxgen.losses._finite import EXPONENT, exp, expm1, in_float32, sum_over_event
from jaxgen.losses.likelihood import bernoulli_nll, discretized_logistic_nll, gaussian_nll, laplace_nll
from jaxgen.types import PRNGKey

__all__ = [
  'bernoulli_nll',
  'discretized_logistic_nll',
  'gaussian_nll',
  'importance_weighted_bound',
  'kl_normal',
  'kl_standard_normal',
  'kl_warmup',
  'laplace_nll',
  'log_normal',
  'negative_elbo',
  'reparameterize',
]


def reparameterize(rng: PRNGKey, *, mean: jax.Array, log_var: jax.Array) -> jax.Array:
  """z = mean + exp(log_var / 2) eps, with eps ~ N(0, I) (Kingma & Welling 2014, section 2.4).

  Args:
    rng: key of the noise.
    mean: f32[B, ...].
    log_var: f32[B, ...].

  Returns:
    f32[B, ...].

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(mean=mean, log_var=log_var)
  return mean + exp(0.5 * log_var, 0.5 * EXPONENT) * jax.random.normal(rng, mean.shape, mean.dtype)


def log_normal(x: jax.Array, *, mean: jax.Array, log_var: jax.Array) -> jax.Array:
  """log N(x; mean, diag(exp(log_var))).

  Args:
    x: f32[B, ...].
    mean: f32[B, ...].
    log_var: f32[B, ...].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(x=x, mean=mean, log_var=log_var)
  x, mean, log_var = in_float32(x, mean, log_var)
  return -0.5 * sum_over_event(jnp.square(x - mean) * exp(-log_var) + log_var + math.log(2 * math.pi))


def kl_standard_normal(*, mean: jax.Array, log_var: jax.Array) -> jax.Array:
  """KL(N(mean, diag(exp(log_var))) || N(0, I)) = -1/2 sum(1 + log_var - mean^2 - exp(log_var)).

  Kingma & Welling, "Auto-encoding variational Bayes" (2014), appendix B.

  Args:
    mean: f32[B, ...].
    log_var: f32[B, ...].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(mean=mean, log_var=log_var)
  mean, log_var = in_float32(mean, log_var)
  return 0.5 * sum_over_event(jnp.square(mean) + expm1(log_var) - log_var)


def kl_normal(
  *, mean: jax.Array, log_var: jax.Array, prior_mean: jax.Array, prior_log_var: jax.Array
) -> jax.Array:
  """KL(N(mean, diag(exp(log_var))) || N(prior_mean, diag(exp(prior_log_var)))).

  `1/2 sum(d - 1 + exp(-d) + (mean - prior_mean)^2 exp(-prior_log_var))` with `d = prior_log_var - log_var`.

  Args:
    mean: f32[B, ...].
    log_var: f32[B, ...].
    prior_mean: f32[B, ...].
    prior_log_var: f32[B, ...].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(mean=mean, log_var=log_var, prior_mean=prior_mean, prior_log_var=prior_log_var)
  mean, log_var, prior_mean, prior_log_var = in_float32(mean, log_var, prior_mean, prior_log_var)
  d = prior_log_var - log_var
  return 0.5 * sum_over_event(d + expm1(-d) + jnp.square(mean - prior_mean) * exp(-prior_log_var))


def negative_elbo(
  *,
  reconstruction: jax.Array,
  kl: jax.Array,
  reconstruction_weight: jax.Array | float = 1.0,
  kl_weight: jax.Array | float = 1.0,
) -> jax.Array:
  """lambda_1 reconstruction + lambda_2 kl.

  With both weights 1 this is minus the evidence lower bound (Kingma & Welling 2014, equation 3); lambda_2 is
  the beta of Higgins et al., "beta-VAE" (2017), equation 4.

  Args:
    reconstruction: f32[B], -log p(x|z).
    kl: f32[B].
    reconstruction_weight: lambda_1, a number or f32[].
    kl_weight: lambda_2 = beta, a number or f32[].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the terms are not one number per example each, or the weights one for all or for each.
  """
  check_per_example(reconstruction=reconstruction, kl=kl)
  check_broadcasts(kl, reconstruction_weight=reconstruction_weight, kl_weight=kl_weight)
  return reconstruction_weight * reconstruction + kl_weight * kl


def importance_weighted_bound(log_weights: jax.Array) -> jax.Array:
  """log(1/K sum_k w_k): a lower bound on log p(x) that tightens as K grows.

  Burda et al., "Importance weighted autoencoders" (2016), equation 8; K = 1 is the evidence lower bound.

  Args:
    log_weights: f32[K, B], `log p(x, z_k) - log q(z_k|x)` for `z_k ~ q(z|x)`.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the weights are not of rank 2.
  """
  check_rank(2, log_weights=log_weights)
  return jax.nn.logsumexp(log_weights.astype(jnp.float32), axis=0) - math.log(log_weights.shape[0])


def kl_warmup(num_steps: int) -> Callable[[jax.Array | int], jax.Array]:
  """A schedule `step -> weight` that rises from 0 to 1 in a line and stays there.

  Bowman et al., "Generating sentences from a continuous space" (2016), section 3.1; Sonderby et al., "Ladder
  variational autoencoders" (2016), section 2.3.

  Args:
    num_steps: the length of the rise; the weight is always 1 where it is 0.

  Returns:
    A function of the step that gives f32[].

  Raises:
    ValueError: if `num_steps` is negative.
  """
  if num_steps < 0:
    raise ValueError(f'num_steps must not be negative, but is {num_steps}.')

  def weight(step):
    return jnp.minimum(1.0, jnp.asarray(step, jnp.float32) / num_steps) if num_steps else jnp.float32(1.0)

  return weight
