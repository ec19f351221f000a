"""Score matching: fit `s(x)` to `grad_x log p(x)`, one number per example.

A score is a plain function, `f32[B, ...] -> f32[B, ...]`, with the noise level as a second argument,
`f32[B]`, where it is trained on several. Squares are summed over all axes of an example, so losses grow
with the dimension, and every function here returns `f32[B]`. Derivatives are taken in reverse mode alone.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from jaxgen.losses._checks import check_batched, check_per_example, check_same_shape
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
  scale = sigma.reshape((-1,) + (1,) * (x.ndim - 1))
  score = score_fn(x + scale * noise, sigma)
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
  return _half_square(sigma.reshape((-1,) + (1,) * (noise.ndim - 1)) * score + noise)


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
  curvature = jax.vmap(lambda v: _per_example(pullback(v)[0] * v))(directions)
  return curvature.mean(0) + _half_square(score)


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
    return _per_example(pullback(direction)[0] * direction)

  return jax.lax.map(diagonal, units).sum(0) + _half_square(score)


def geometric_sigmas(sigma_max: float, sigma_min: float, num_levels: int) -> jax.Array:
  """Noise levels from `sigma_max` down to `sigma_min` in equal ratios, f32[num_levels].

  (Song & Ermon 2019, section 4.1; `max_distance` and `num_levels` help to choose them.)

  Raises:
    ValueError: unless `sigma_max > sigma_min > 0` and there are at least two levels.
  """
  if not sigma_max > sigma_min > 0 or num_levels < 2:
    raise ValueError(
      'noise levels need sigma_max > sigma_min > 0 and at least two levels, not '
      f'sigma_max={sigma_max}, sigma_min={sigma_min}, num_levels={num_levels}.'
    )
  return jnp.asarray(np.geomspace(sigma_max, sigma_min, num_levels), jnp.float32)


def max_distance(x: jax.Array) -> jax.Array:
  """The largest distance between two examples, f32[]: a good `sigma_max` (Song & Ermon 2020, technique 1).

  Args:
    x: f32[B, ...].

  Raises:
    ValueError: if `x` is a single number.
  """
  check_batched(x=x)
  flat = x.reshape(x.shape[0], -1)
  squares = (flat**2).sum(1)
  return jnp.sqrt(jnp.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0).max())


def level_overlap(ratio: float, dim: int) -> jax.Array:
  """How much of one noise level's mass the next one covers (Song & Ermon 2020, technique 2).

  Noise of standard deviation `sigma` in `dim` dimensions has a radius of about `N(sqrt(dim) sigma,
  sigma^2 / 2)`. This is the share of a level's radii within three deviations of those of the
  level `ratio > 1` times as large; about 0.5 is asked for.
  """
  centre = np.sqrt(2 * dim) * (ratio - 1)
  return norm.cdf(centre + 3 * ratio) - norm.cdf(centre - 3 * ratio)


def num_levels(sigma_max: float, sigma_min: float, dim: int, overlap: float = 0.5) -> int:
  """The fewest geometric levels whose neighbours overlap by `overlap` (Song & Ermon 2020, technique 2)."""
  count = 2
  while level_overlap((sigma_max / sigma_min) ** (1 / (count - 1)), dim) < overlap:
    count += 1
  return count


def _per_example(terms):
  return terms.reshape(terms.shape[0], -1).sum(1)


def _half_square(vectors):
  return _per_example(vectors**2) / 2
