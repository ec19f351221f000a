"""Diagonal Gaussians: their draws, densities and divergences, one number per example, in nats."""

import math

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_same_shape
from jaxgen.losses._finite import EXPONENT, exp, expm1, in_float32, sum_over_event
from jaxgen.types import PRNGKey


def reparameterize(rng: PRNGKey, *, mean: jax.Array, log_var: jax.Array) -> jax.Array:
  """z = mean + exp(log_var / 2) eps, with eps ~ N(0, I) (Kingma & Welling 2014, section 2.4).

  Args:
    rng: key of the noise, or key[K], of one after the other of K equal parts of the examples.
    mean: f32[B, ...].
    log_var: f32[B, ...].

  Returns:
    f32[B, ...].

  Raises:
    ValueError: if the shapes differ, or the examples are not K equal parts.
  """
  check_same_shape(mean=mean, log_var=log_var)
  return mean + exp(0.5 * log_var, 0.5 * EXPONENT) * _noise(rng, mean.shape, mean.dtype)


def _noise(rng, shape, dtype):
  if _is_one(rng):
    return jax.random.normal(rng, shape, dtype)
  if shape[0] % len(rng):
    raise ValueError(f'{shape[0]} examples are not {len(rng)} equal parts, a key for each.')
  part = len(rng), shape[0] // len(rng), *shape[1:]
  return jax.vmap(lambda key: jax.random.normal(key, part[1:], dtype))(rng).reshape(shape)


def fold_in(rng: PRNGKey, data: int) -> PRNGKey:
  """`jax.random.fold_in` of one key, or of each of key[K], as `reparameterize` takes them."""
  return jax.random.fold_in(rng, data) if _is_one(rng) else jax.vmap(jax.random.fold_in, (0, None))(rng, data)


def _is_one(rng):
  return rng.ndim == (0 if jnp.issubdtype(rng.dtype, jax.dtypes.prng_key) else 1)


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
