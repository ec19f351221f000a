"""The variational bound of a score model over noise levels, on the log-mass of discrete data."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.families.pixels import to_network
from jaxgen.families.score.decoder import decoded_log_mass
from jaxgen.losses.score import prior_kl, step_kl
from jaxgen.types import PRNGKey


def diffusion_bound(
  score_fn: Callable[[jax.Array, jax.Array], jax.Array],
  rng: PRNGKey,
  x: jax.Array,
  sigmas: np.ndarray,
  levels: int,
  terms: int = 0,
) -> jax.Array:
  """One draw of `-L_T - sum_t L_{t-1} - L_0 <= log P(x)` (Ho et al. 2020, equation 5), f32[B] nats.

  The prior is N(0, sigma_T^2 I), from which samples start, and each step has the variance of the posterior, as their
  sigma_t^2 = beta tilde_t. The decoder of L_0 is that of `jaxgen.families.score.decoder`, by the moments of Tweedie, of
  which a pixel that is certain costs nothing; theirs, of one variance for all pixels, is
  `jaxgen.losses.score.decoder_nll`. Each term has noise of its own.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`, of pixels in [-1, 1].
    rng: key of the noise, and of the terms.
    x: whole numbers [B, ...] in [0, levels).
    sigmas: f32[T], falling.
    levels: the number of values of a pixel.
    terms: K of the T - 1 steps are drawn for each example, one from each K-th of them, and their sum is
      `(T - 1) / K` times as large, which has no bias; 0 for all.
  """
  end_rng, term_rng, sum_rng = jax.random.split(rng, 3)
  clean, size, steps = to_network(x, levels), len(x), len(sigmas) - 1
  falling = jnp.asarray(sigmas)
  start = prior_kl(clean, sigma=jnp.full(size, falling[0]), prior_sigma=jnp.full(size, falling[0]))
  at_smallest = lambda y: score_fn(y, jnp.full(size, falling[-1]))  # noqa: E731
  end = decoded_log_mass(at_smallest, end_rng, x, float(sigmas[-1]), levels)

  def step(total, drawn):
    rng, index = drawn
    sigma, next_sigma = falling[index], falling[index + 1]
    width = sigma.reshape((-1,) + (1,) * (clean.ndim - 1))
    noisy = clean + width * jax.random.normal(rng, clean.shape)
    denoised = noisy + width**2 * score_fn(noisy, sigma)
    return total + step_kl(clean, denoised, sigma=sigma, next_sigma=next_sigma), None

  indices = _indices(term_rng, size, steps, terms)
  total, _ = lax.scan(step, jnp.zeros(size), (jax.random.split(sum_rng, len(indices)), indices))
  return end - start - total * (steps / len(indices))


def _indices(rng, size, steps, terms):
  """Of the steps of each example, i32[K, B]: all, or one from each K-th of them."""
  if not terms:
    return jnp.broadcast_to(jnp.arange(steps)[:, None], (steps, size))
  places = (jnp.arange(terms)[:, None] + jax.random.uniform(rng, (terms, size))) / terms
  return jnp.minimum((places * steps).astype(jnp.int32), steps - 1)
