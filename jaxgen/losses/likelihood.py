"""Likelihoods of the entries of an example: arrays in, one number per example out, in nats.

Every `*_nll` is `-log p(x|z)` with its constants, not merely something to minimize. All sums run over every axis but
the first, or with a mask `observed` over what it marks: the likelihood of these entries alone, where the others are
missing at random (Nazabal et al., "Handling incomplete heterogeneous data using VAEs", 2020; Mattei & Frellsen,
"MIWAE", 2019). What a distribution is of comes first; its parameters, arrays of the same shape, are given by name.
Whatever finite numbers a network puts out, values and gradients are finite; see `jaxgen.losses._finite`.
"""

import math

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_broadcasts, check_same_shape
from jaxgen.losses._finite import exp, in_float32, sum_over_event


def bernoulli_nll(x: jax.Array, *, logits: jax.Array, observed: jax.Array | None = None) -> jax.Array:
  """-sum(x log p + (1 - x) log(1 - p)) with p = sigmoid(logits).

  A likelihood where x is 0 or 1. On intensities in between it is a cross-entropy whose best p is the mean
  intensity; it is not the likelihood of anything then (Loaiza-Ganem & Cunningham, "The continuous
  Bernoulli", 2019), and no bits per dimension follow from it.

  Args:
    x: f32[B, ...], in [0, 1].
    logits: f32[B, ...].
    observed: bool[B, ...], which entries the sum runs over; None: all. What stands elsewhere is not looked at.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(x=x, logits=logits)
  logits, x = in_float32(logits, _seen(x, observed))
  return sum_over_event(jax.nn.softplus(logits) - x * logits, observed)


def gaussian_nll(
  x: jax.Array, *, mean: jax.Array, sigma: jax.Array | float, observed: jax.Array | None = None
) -> jax.Array:
  """-log N(x; mean, sigma^2 I) = sum((x - mean)^2 / (2 sigma^2) + log sigma + log(2 pi) / 2).

  The squared error with its scale and its constant. On dequantized pixels, x = (u + U[0, 1)) / levels, it
  is a density on the unit cube and compares with a flow's.

  Args:
    x: f32[B, ...].
    mean: f32[B, ...].
    sigma: the standard deviation, positive; a number, or an array that broadcasts against x.
    observed: bool[B, ...], which entries the sum runs over; None: all. What stands elsewhere is not looked at.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ, or sigma does not broadcast.
  """
  check_same_shape(x=x, mean=mean)
  check_broadcasts(x, sigma=sigma)
  mean, x, sigma = in_float32(mean, _seen(x, observed), sigma)
  terms = 0.5 * jnp.square((x - mean) / sigma) + jnp.log(sigma) + 0.5 * math.log(2 * math.pi)
  return sum_over_event(terms, observed)


def laplace_nll(
  x: jax.Array, *, mean: jax.Array, scale: jax.Array | float, observed: jax.Array | None = None
) -> jax.Array:
  """-log Laplace(x; mean, scale) = sum(|x - mean| / scale + log(2 scale)): the absolute error.

  Args:
    x: f32[B, ...]; dequantized pixels, or continuous data.
    mean: f32[B, ...].
    scale: b, positive; a number, or an array that broadcasts against x.
    observed: bool[B, ...], which entries the sum runs over; None: all. What stands elsewhere is not looked at.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ, or the scale does not broadcast.
  """
  check_same_shape(x=x, mean=mean)
  check_broadcasts(x, scale=scale)
  mean, x, scale = in_float32(mean, _seen(x, observed), scale)
  return sum_over_event(jnp.abs(x - mean) / scale + jnp.log(2 * scale), observed)


def discretized_logistic_nll(
  x: jax.Array,
  *,
  mean: jax.Array,
  log_scale: jax.Array,
  levels: int,
  observed: jax.Array | None = None,
) -> jax.Array:
  """-log of the mass that a logistic distribution gives to each pixel's bin.

  `P(x) = sigmoid((x + 1/2 - m) / s) - sigmoid((x - 1/2 - m) / s)`, where the lowest bin reaches down to
  minus infinity and the highest up to infinity, so that the masses of all levels sum to 1 (Salimans et al.,
  "PixelCNN++", 2017, equation 2 and what follows it). With `b` and `a` the arguments of the two
  sigmoids, `log P = log sigmoid(b) + log sigmoid(-a) + log(1 - exp(a - b))`, which neither cancels nor underflows.

  Args:
    x: [B, ...], whole numbers in [0, levels).
    mean: f32[B, ...], as an intensity in [0, 1]: m = mean * (levels - 1).
    log_scale: f32[B, ...], the logarithm of the scale of intensities: s = exp(log_scale) * (levels - 1).
    levels: the number of values a pixel takes, at least 2.
    observed: bool[B, ...], which entries the sum runs over; None: all. What stands elsewhere is not looked at.

  Returns:
    f32[B], nats of probability mass. Add `-D log(levels)` for the density on the unit cube.

  Raises:
    ValueError: if the shapes differ, or `levels` is less than 2.
  """
  check_same_shape(x=x, mean=mean, log_scale=log_scale)
  if levels < 2:
    raise ValueError(f'a discretized likelihood needs at least 2 levels, not {levels}.')
  log_mass = discretized_logistic_log_mass(_seen(x, observed), mean=mean, log_scale=log_scale, levels=levels)
  return -sum_over_event(log_mass, observed)


def discretized_logistic_log_mass(
  x: jax.Array, *, mean: jax.Array, log_scale: jax.Array, levels: int
) -> jax.Array:
  """Of each entry by itself: see `discretized_logistic_nll`. The arguments broadcast against each other.

  Returns:
    f32, nats.
  """
  mean, log_scale, x = in_float32(mean, log_scale, x)
  log_inverse = -log_scale - math.log(levels - 1)
  inverse = exp(log_inverse)  # 1 / s, with s in levels
  center = mean * (levels - 1)
  # x ± 1/2 are exact, so that bins side by side have the very same edge, and masses sum to 1
  below_upper = jax.nn.log_sigmoid(((x + 0.5) - center) * inverse)
  above_lower = jax.nn.log_sigmoid((center - (x - 0.5)) * inverse)
  within = below_upper + above_lower + _log_of_bin(log_inverse)
  return jnp.where(x < 0.5, below_upper, jnp.where(x > levels - 1.5, above_lower, within))


def _seen(x, observed):
  """With 0 where nothing was observed: whatever stands there, nan say, reaches no gradient."""
  if observed is None:
    return x
  check_same_shape(x=x, observed=observed)
  return jnp.where(observed, x, 0)


def _log_of_bin(log_width):
  """`log(1 - exp(-width))`; for narrow bins that is `log_width`, up to `width / 2`, which no longer underflows."""
  narrow = log_width < -15
  width = exp(jnp.where(narrow, 0.0, log_width))
  return jnp.where(narrow, log_width, jnp.log(-jnp.expm1(-width)))
