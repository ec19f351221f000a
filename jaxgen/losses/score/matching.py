"""Score matching: fit `s(x)` to `grad_x log p(x)`. Derivatives are taken in reverse mode alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_batched, check_per_example, check_same_shape
from jaxgen.losses.score._sums import half_square, per_example, spread
from jaxgen.types import PRNGKey

ScoreFn = Callable[[jax.Array], jax.Array]


def denoising(
  score_fn: Callable[[jax.Array, jax.Array], jax.Array], rng: PRNGKey, x: jax.Array, sigma: jax.Array
) -> jax.Array:
  """Denoising score matching at one noise level per example, weighted by `lambda(sigma) = sigma^2`.

  `||sigma s(x + sigma e, sigma) + e||^2 / 2` with `e ~ N(0, I)` (Vincent 2011, section 4; Song & Ermon
  2019, equations 5 and 6). Its minimizer is the score of the data convolved with `N(0, sigma^2 I)`.

  Args:
    score_fn: `(x f32[B, ...], sigma f32[B]) -> f32[B, ...]`.
    rng: key of the noise.
    x: f32[B, ...], clean data.
    sigma: f32[B], standard deviations.

  Returns:
    f32[B]; `D / 2` for a score of zero, on average.

  Raises:
    ValueError: if `sigma` is not one number per example, or the score has not the shape of `x`.
  """
  check_batched(x=x, sigma=sigma)
  check_per_example(sigma=sigma)
  noise = jax.random.normal(rng, x.shape)
  score = score_fn(x + spread(sigma, x) * noise, sigma)
  return denoising_error(score, noise, sigma)


def denoising_error(score: jax.Array, noise: jax.Array, sigma: jax.Array) -> jax.Array:
  """`||sigma s + e||^2 / 2`, the terms of `denoising` for a score that has been computed.

  Args:
    score: f32[B, ...], s at `x + sigma e`.
    noise: f32[B, ...], e.
    sigma: f32[B].

  Returns:
    f32[B].

  Raises:
    ValueError: if the score has not the shape of the noise, or sigma is not one number per example.
  """
  check_same_shape(noise=noise, score=score)
  check_per_example(sigma=sigma)
  return half_square(spread(sigma, noise) * score + noise)


def sliced(score_fn: ScoreFn, rng: PRNGKey, x: jax.Array, num_projections: int = 1) -> jax.Array:
  """Sliced score matching with variance reduction (Song et al. 2019, section 3).

  `v' grad s(x) v + ||s(x)||^2 / 2`, averaged over `num_projections` directions `v ~ N(0, I)`; in
  expectation it is `exact`, at the cost of one more derivative per direction rather than one per dimension.

  Args:
    score_fn: `f32[B, ...] -> f32[B, ...]`, each output a function of its own example.
    rng: key of the directions.
    x: f32[B, ...].
    num_projections: directions per example.

  Returns:
    f32[B]; it may be negative.

  Raises:
    ValueError: if `x` is a single number, the score has not its shape, or there are no projections.
  """
  check_batched(x=x)
  if num_projections < 1:
    raise ValueError(f'num_projections must be at least 1, not {num_projections}.')
  score, pullback = jax.vjp(score_fn, x)
  check_same_shape(x=x, score=score)
  directions = jax.random.normal(rng, (num_projections, *x.shape))
  curvature = jax.vmap(lambda v: per_example(pullback(v)[0] * v))(directions)
  return curvature.mean(0) + half_square(score)


def exact(score_fn: ScoreFn, x: jax.Array) -> jax.Array:
  """`tr grad s(x) + ||s(x)||^2 / 2` (Hyvarinen 2005, theorem 1): one derivative per dimension.

  In expectation it is half the squared distance to the data's score, less a constant, which for
  data of `N(m, S)` makes its minimum `-tr(S^-1) / 2`.

  Args:
    score_fn: `f32[B, ...] -> f32[B, ...]`, each output a function of its own example.
    x: f32[B, ...].

  Returns:
    f32[B]; it may be negative.

  Raises:
    ValueError: if `x` is a single number, or the score has not its shape.
  """
  check_batched(x=x)
  score, pullback = jax.vjp(score_fn, x)
  check_same_shape(x=x, score=score)
  dim = x[0].size
  units = jnp.eye(dim, dtype=x.dtype).reshape(dim, *x.shape[1:])

  def diagonal(unit):
    direction = jnp.broadcast_to(unit, x.shape)
    return per_example(pullback(direction)[0] * direction)

  return jax.lax.map(diagonal, units).sum(0) + half_square(score)
