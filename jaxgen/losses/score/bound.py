"""The variational bound of a diffusion model, term by term, in nats.

`-log P(x) <= E[L_T + sum_t L_{t-1} + L_0]` (Ho et al., "Denoising diffusion probabilistic models", 2020, equation 5),
here in the frame of relative noise: with `y_t = x_t / sqrt(alpha_bar_t)` their forward process is
`y_t = x + sigma_t e`, `sigma_t^2 = 1 / alpha_bar_t - 1`. A divergence does not know on what scale its variables are, so
each term is theirs, and holds for every path of Gaussian noise.
"""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr

from jaxgen.losses._checks import check_batched, check_broadcasts, check_per_example, check_same_shape
from jaxgen.losses.score._sums import half_square, per_example, spread

# Deviations beyond which the tail of a Gaussian is that of its asymptotic series, to 1e-6.
_FAR = 10.0


def prior_kl(x: jax.Array, *, sigma: jax.Array, prior_sigma: jax.Array) -> jax.Array:
  """L_T = KL(N(x, sigma^2 I) || N(0, prior_sigma^2 I)), `sigma` being the largest noise.

  `D/2 (r - 1 - log r) + ||x||^2 / (2 prior_sigma^2)` with `r = sigma^2 / prior_sigma^2`. The prior of Ho et al.,
  N(0, I) on the scale that preserves the variance, has `prior_sigma^2 = 1 + sigma^2`; samplers that start from
  N(0, sigma^2 I) have `prior_sigma = sigma`.

  Args:
    x: f32[B, ...], clean data.
    sigma: f32[B], of the noise at the path's end.
    prior_sigma: f32[B], of what samples start from.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the sigmas are not one number per example.
  """
  check_batched(x=x, sigma=sigma)
  check_per_example(sigma=sigma, prior_sigma=prior_sigma)
  ratio = (sigma / prior_sigma) ** 2
  return x[0].size / 2 * (ratio - 1 - jnp.log(ratio)) + half_square(x) / prior_sigma**2


def step_kl(
  x: jax.Array,
  denoised: jax.Array,
  *,
  sigma: jax.Array,
  next_sigma: jax.Array,
  variance_ratio: jax.Array | float = 1.0,
) -> jax.Array:
  """L_{t-1} = KL(q(x_{t-1} | x_t, x) || p(x_{t-1} | x_t)), from the noise `sigma` of x_t to the smaller one of x_{t-1}.

  The posterior of the forward process is N(x + r (y - x), v I) with `r = next_sigma^2 / sigma^2` and
  `v = next_sigma^2 (1 - r)` (Ho et al. 2020, equations 6 and 7), and the model's step has D in place of x, and the
  variance `k v`:

      D/2 (log k + 1/k - 1) + (1/next_sigma^2 - 1/sigma^2) ||x - D||^2 / (2 k),

  their equation 8 with its constant. `k = 1` is their `sigma_t^2 = beta tilde_t`; for their other choice, beta_t,
  `k = (1 - alpha_bar_t) / (1 - alpha_bar_{t-1})`.

  Args:
    x: f32[B, ...], clean data.
    denoised: f32[B, ...], D, what the model makes of `x + sigma e`.
    sigma: f32[B].
    next_sigma: f32[B], positive and smaller.
    variance_ratio: k, the variance of the model's step in units of the posterior's; a number, or f32[B].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if `denoised` has not the shape of `x`, or the sigmas are not one number per example.
  """
  check_same_shape(x=x, denoised=denoised)
  check_batched(x=x, sigma=sigma)
  check_per_example(sigma=sigma, next_sigma=next_sigma)
  check_broadcasts(sigma, variance_ratio=variance_ratio)
  constant = x[0].size / 2 * (jnp.log(variance_ratio) + 1 / variance_ratio - 1)
  return constant + (1 / next_sigma**2 - 1 / sigma**2) * half_square(x - denoised) / variance_ratio


def decoder_nll(x: jax.Array, *, mean: jax.Array, sigma: jax.Array, levels: int) -> jax.Array:
  """L_0 = -log of the mass that independent Gaussians give to the bins of pixels (Ho et al. 2020, equation 13).

  Level k lies at `2 k / (levels - 1) - 1` and its bin reaches half a step either way; those of the lowest and of the
  highest level have no end, so that the masses of all levels sum to 1. With Q the tail of the standard normal, and `a`
  and `b` a bin's ends in deviations from the mean, `log P = log Q(a) + log(1 - Q(b) / Q(a))` on the side where `a` is
  the nearer one. Absolute errors are about 1e-7 times sigma over the width of a bin.

  Args:
    x: whole numbers [B, ...] in [0, levels).
    mean: f32[B, ...], for pixels in [-1, 1].
    sigma: f32[B], the standard deviation in the same units, positive.
    levels: the number of values a pixel takes, at least 2.

  Returns:
    f32[B], nats of probability mass.

  Raises:
    ValueError: if the shapes differ, or `levels` is less than 2.
  """
  check_same_shape(x=x, mean=mean)
  check_batched(x=x, sigma=sigma)
  check_per_example(sigma=sigma)
  if levels < 2:
    raise ValueError(f'a discretized likelihood needs at least 2 levels, not {levels}.')
  deviation, half_bin = spread(sigma, mean), 1 / (levels - 1)
  distance = (2 * half_bin * x - 1 - mean) / deviation
  half = half_bin / deviation
  middle = jnp.abs(distance)
  log_tail = _log_tail(middle - half)
  # The hazard of a Gaussian is convex, and above its argument: what rounding makes of the difference must not be less.
  log_ratio = -2 * half * jnp.maximum(middle, math.sqrt(2 / math.pi))
  within = log_tail + _log1mexp(jnp.minimum(_log_tail(middle + half) - log_tail, log_ratio))
  lowest, highest = _log_tail(-distance - half), _log_tail(distance - half)
  return -per_example(jnp.where(x < 0.5, lowest, jnp.where(x > levels - 1.5, highest, within)))


def _log_tail(u):
  """log Q(u) = log(1 - Phi(u)), with a gradient wherever u is."""
  near, far = jnp.minimum(u, _FAR), jnp.maximum(u, _FAR)
  series = jnp.log1p(-1 / far**2 + 3 / far**4 - 15 / far**6)
  return jnp.where(u < _FAR, log_ndtr(-near), -(far**2) / 2 - jnp.log(far * math.sqrt(2 * math.pi)) + series)


def _log1mexp(x):
  """log(1 - exp(x)) of x < 0."""
  return jnp.log(-jnp.expm1(x))
