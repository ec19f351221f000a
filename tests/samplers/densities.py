"""Data whose score is known at every noise level, for tests of samplers."""

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from jaxgen.samplers import run

# The mixture of Song & Ermon 2019, section 3.2.2: a fifth of the mass at (-5, -5).
CENTRES = jnp.array([[-5.0, -5.0], [5.0, 5.0]])
WEIGHTS = jnp.array([0.2, 0.8])


def gaussian_score(std, mean=0.0):
  """Of independent N(mean, std^2)."""
  return lambda x, sigma: (mean - x) / (std**2 + sigma**2).reshape(-1, *[1] * (x.ndim - 1))


def point_score(x, sigma):
  """Of data at 2 alone: what a network that sees log sigma gives, no number at sigma 0."""
  return (2.0 - x) / jnp.exp(2 * jnp.log(sigma)).reshape(-1, *[1] * (x.ndim - 1))


def mixture_score(x, sigma):
  """Of equal parts at +2 and -2 in every dimension, each with a standard deviation of 0.5."""

  def log_density(x, sigma):
    scale = jnp.sqrt(0.25 + sigma**2)
    return jax.nn.logsumexp(jnp.stack([norm.logpdf(x, m, scale).sum() for m in (-2.0, 2.0)])) - jnp.log(2)

  return jax.vmap(jax.grad(log_density))(x, sigma)


def two_modes_score(x, sigma):
  """Of the mixture of two N(centre, I) with these weights."""
  variance = 1 + sigma[:, None] ** 2

  def log_density(x):
    squares = ((x[:, None] - CENTRES) ** 2).sum(-1)
    return jax.nn.logsumexp(jnp.log(WEIGHTS) - squares / (2 * variance), axis=1).sum()

  return jax.grad(log_density)(x)


def last(sampler, start, num_steps, seed=0):
  """Where a compiled run of so many steps ends."""
  return jax.jit(lambda x: run(sampler, jax.random.key(seed), x, num_steps)[0].position)(start)
