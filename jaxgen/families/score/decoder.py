"""What a score model, which knows blurred pixels, says of the pixels themselves: a decoder, and a bound by it."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.stats import norm

from jaxgen.families.pixels import to_network
from jaxgen.types import PRNGKey

# Derivatives taken for all variances of an example; a prime, so that near pixels rarely share one.
_GROUPS = 17
_LEAST_VARIANCE = 0.003  # of the decoder, in squared steps between levels: all but certain
_UNIFORM = 1e-4  # share of the decoder that lies on all levels alike, so that no pixel costs an infinity
_POSSIBLE = 0.9  # of the least variance of a mean between two levels; the rest is left to rounding
_HALVINGS = 25


def log_mass_bound(
  score_fn: Callable[[jax.Array], jax.Array],
  log_density: Callable[[PRNGKey, jax.Array], jax.Array],
  rng: PRNGKey,
  x: jax.Array,
  sigma: float,
  levels: int,
) -> jax.Array:
  """One draw of a lower bound on the log-mass of discrete data under a model of the same data blurred, in nats.

  With the pixels `x` as the network sees them, `e ~ N(0, I)` and `y = x + sigma e`,

      log P(x) >= E[log p(y) + log P(x | y) - log N(y; x, sigma^2 I)],

  the bound of a variational autoencoder whose encoder adds noise. `P(x | y)` is `decoder_log_mass` by the moments
  of Tweedie; the bound is tight where that is the posterior.

  Args:
    score_fn: `f32[B, ...] -> f32[B, ...]`, the score of the data blurred by `sigma`.
    log_density: `(rng, y f32[B, ...]) -> f32[B]`, the log-density of the blurred data.
    rng: key of the noise, and of what `log_density` draws.
    x: whole numbers [B, ...] in [0, levels).
    sigma: of the blur, for pixels in [-1, 1].
    levels: the number of values of a pixel.

  Returns:
    f32[B].
  """
  noise_rng, sign_rng, density_rng = jax.random.split(rng, 3)
  noise = jax.random.normal(noise_rng, x.shape)
  y = to_network(x, levels) + sigma * noise
  mean, variance = posterior_moments(score_fn, sign_rng, y, sigma)
  log_noise = norm.logpdf(noise).reshape(len(x), -1).sum(1) - x[0].size * math.log(sigma)
  return log_density(density_rng, y) + decoder_log_mass(x, mean, variance, levels) - log_noise


def decoded_log_mass(
  score_fn: Callable[[jax.Array], jax.Array], rng: PRNGKey, x: jax.Array, sigma: float, levels: int
) -> jax.Array:
  """One draw of `E log P(x | x + sigma e)` by `decoder_log_mass`, f32[B] nats; arguments as of `log_mass_bound`."""
  noise_rng, sign_rng = jax.random.split(rng)
  y = to_network(x, levels) + sigma * jax.random.normal(noise_rng, x.shape)
  return decoder_log_mass(x, *posterior_moments(score_fn, sign_rng, y, sigma), levels)


def posterior_moments(
  score_fn: Callable[[jax.Array], jax.Array], rng: PRNGKey, y: jax.Array, sigma: float
) -> tuple[jax.Array, jax.Array]:
  """Mean and variance of clean data given blurred data, element by element (Tweedie's formula; Efron 2011).

  `E[x | y] = y + sigma^2 s(y)` and `Var[x_i | y] = sigma^2 (1 + sigma^2 ds_i / dy_i)`. The derivatives are
  exact in up to 17 dimensions. In more, one direction of random signs serves every 17th element, so that each
  derivative has an error of mean zero from those elements that share its direction.

  Args:
    score_fn: `f32[B, ...] -> f32[B, ...]`, the score of the data blurred by `sigma`.
    rng: key of the signs.
    y: f32[B, ...].
    sigma: of the blur.

  Returns:
    f32[B, ...], and f32[B, ...], which for a score that is not exact may be negative.
  """
  dims = y[0].size
  groups = min(dims, _GROUPS)
  group = (jnp.arange(dims) % groups).reshape(y.shape[1:])
  signs = jax.random.rademacher(rng, y.shape, y.dtype)

  def slopes_of(index):
    probe = jnp.where(group == index, signs, 0)
    return probe * jax.jvp(score_fn, (y,), (probe,))[1]

  slope = lax.map(slopes_of, jnp.arange(groups)).sum(0)
  return y + sigma**2 * score_fn(y), sigma**2 * (1 + sigma**2 * slope)


def decoder_log_mass(x: jax.Array, mean: jax.Array, variance: jax.Array, levels: int) -> jax.Array:
  """log P(x) of independent pixels, each a Gaussian of this variance on the levels alone, with this mean.

  `P(k) ~ exp(-(k - m)^2 / (2 variance))` over the levels k, where m makes `mean` the mean. It is the posterior of a
  pixel that is certain, and of any pixel of two levels; nearly that of two neighbouring levels, and of values
  that vary smoothly. Between two levels, a share f of the way, nothing on the levels has a variance below
  `f (1 - f)` squared steps: where a score that is not exact says so, the pixel is taken to be certain but its mean
  not, and `m = mean`. A ten-thousandth of the mass lies on all levels alike.

  Args:
    x: whole numbers [B, ...] in [0, levels).
    mean: f32[B, ...], for pixels in [-1, 1].
    variance: f32[B, ...], in the same units.
    levels: the number of values of a pixel.

  Returns:
    f32[B], nats.
  """
  step = 2 / (levels - 1)
  mean = jnp.clip((mean + 1) / step, _UNIFORM, levels - 1 - _UNIFORM)
  variance = jnp.maximum(variance / step**2, _LEAST_VARIANCE)

  def of_example(example):
    x, mean, variance = example
    offsets = jnp.arange(levels) - mean[..., None]  # from the mean

    def masses(tilt):
      return jax.nn.softmax(tilt[..., None] * offsets - offsets**2 / (2 * variance[..., None]))

    def halve(_, bracket):
      low, high = bracket
      middle = (low + high) / 2
      below = (masses(middle) * offsets).sum(-1) < 0
      return jnp.where(below, middle, low), jnp.where(below, high, middle)

    # Between two levels a tilt of half a step, and a logarithm for means that all but lie on a level.
    reach = 0.5 / variance - 1.5 * math.log(_UNIFORM)
    low, high = lax.fori_loop(0, _HALVINGS, halve, (-reach, reach))
    share = mean - jnp.floor(mean)
    tilt = jnp.where(variance < _POSSIBLE * share * (1 - share), 0.0, (low + high) / 2)
    mass = jnp.take_along_axis(masses(tilt), x.astype(jnp.int32)[..., None], -1)
    return jnp.log((1 - _UNIFORM) * mass + _UNIFORM / levels).sum()

  return lax.map(of_example, (x, mean, variance))  # one by one: all levels of all pixels are many
