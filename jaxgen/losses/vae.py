"""The terms of a variational autoencoder's objective: arrays in, one number per example out, in nats.

Every `*_nll` is `-log p(x|z)` with its constants, so that reconstruction plus KL divergence is a bound on
`-log p(x)` and not merely something to minimize. All sums run over every axis but the first.

What a distribution is of comes first; its parameters, arrays of the same shape, are given by name.

Whatever finite numbers a network puts out, up to 1e4 either way, values and gradients are finite: where an exponential
would overflow, beyond `exp(40)`, its tangent goes on in its place (`_exp`). Unlike a clipped one it keeps a gradient
that leads back. Standard deviations between 2e-9 and 4e8 are not concerned.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_broadcasts, check_per_example, check_rank, check_same_shape
from jaxgen.types import PRNGKey

_EXPONENT = 40.0  # even 1e4 beyond it, times a squared error of 1e9 and 1e6 dimensions, is a float32


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
  return mean + _exp(0.5 * log_var, 0.5 * _EXPONENT) * jax.random.normal(rng, mean.shape, mean.dtype)


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
  x, mean, log_var = _float32(x, mean, log_var)
  return -0.5 * _sum(jnp.square(x - mean) * _exp(-log_var) + log_var + math.log(2 * math.pi))


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
  mean, log_var = _float32(mean, log_var)
  return 0.5 * _sum(jnp.square(mean) + _expm1(log_var) - log_var)


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
  mean, log_var, prior_mean, prior_log_var = _float32(mean, log_var, prior_mean, prior_log_var)
  d = prior_log_var - log_var
  return 0.5 * _sum(d + _expm1(-d) + jnp.square(mean - prior_mean) * _exp(-prior_log_var))


def bernoulli_nll(x: jax.Array, *, logits: jax.Array) -> jax.Array:
  """-sum(x log p + (1 - x) log(1 - p)) with p = sigmoid(logits).

  A likelihood where x is 0 or 1. On intensities in between it is a cross-entropy whose best p is the mean
  intensity; it is not the likelihood of anything then (Loaiza-Ganem & Cunningham, "The continuous
  Bernoulli", 2019), and no bits per dimension follow from it.

  Args:
    x: f32[B, ...], in [0, 1].
    logits: f32[B, ...].

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ.
  """
  check_same_shape(x=x, logits=logits)
  logits, x = _float32(logits, x)
  return _sum(jax.nn.softplus(logits) - x * logits)


def gaussian_nll(x: jax.Array, *, mean: jax.Array, sigma: jax.Array | float) -> jax.Array:
  """-log N(x; mean, sigma^2 I) = sum((x - mean)^2 / (2 sigma^2) + log sigma + log(2 pi) / 2).

  The squared error with its scale and its constant. On dequantized pixels, x = (u + U[0, 1)) / levels, it
  is a density on the unit cube and compares with a flow's.

  Args:
    x: f32[B, ...].
    mean: f32[B, ...].
    sigma: the standard deviation, positive; a number, or an array that broadcasts against x.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ, or sigma does not broadcast.
  """
  check_same_shape(x=x, mean=mean)
  check_broadcasts(x, sigma=sigma)
  mean, x, sigma = _float32(mean, x, sigma)
  return _sum(0.5 * jnp.square((x - mean) / sigma) + jnp.log(sigma) + 0.5 * math.log(2 * math.pi))


def laplace_nll(x: jax.Array, *, mean: jax.Array, scale: jax.Array | float) -> jax.Array:
  """-log Laplace(x; mean, scale) = sum(|x - mean| / scale + log(2 scale)): the absolute error.

  Args:
    x: f32[B, ...]; dequantized pixels, or continuous data.
    mean: f32[B, ...].
    scale: b, positive; a number, or an array that broadcasts against x.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if the shapes differ, or the scale does not broadcast.
  """
  check_same_shape(x=x, mean=mean)
  check_broadcasts(x, scale=scale)
  mean, x, scale = _float32(mean, x, scale)
  return _sum(jnp.abs(x - mean) / scale + jnp.log(2 * scale))


def discretized_logistic_nll(
  x: jax.Array, *, mean: jax.Array, log_scale: jax.Array, levels: int
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

  Returns:
    f32[B], nats of probability mass. Add `-D log(levels)` for the density on the unit cube.

  Raises:
    ValueError: if the shapes differ, or `levels` is less than 2.
  """
  check_same_shape(x=x, mean=mean, log_scale=log_scale)
  if levels < 2:
    raise ValueError(f'a discretized likelihood needs at least 2 levels, not {levels}.')
  mean, log_scale, x = _float32(mean, log_scale, x)
  log_inverse = -log_scale - math.log(levels - 1)
  inverse = _exp(log_inverse)  # 1 / s, with s in levels
  distance = x - mean * (levels - 1)
  below_upper = jax.nn.log_sigmoid((distance + 0.5) * inverse)
  above_lower = jax.nn.log_sigmoid(-(distance - 0.5) * inverse)
  within = below_upper + above_lower + _log_of_bin(log_inverse)
  log_mass = jnp.where(x < 0.5, below_upper, jnp.where(x > levels - 1.5, above_lower, within))
  return -_sum(log_mass)


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


def _sum(terms):
  return terms.reshape(terms.shape[0], -1).sum(-1)


def _float32(*arrays):
  return tuple(jnp.asarray(array, jnp.float32) for array in arrays)


def _exp(x, limit=_EXPONENT):
  """`exp(x)`, beyond `limit` its tangent there."""
  return jnp.exp(jnp.minimum(x, limit)) + math.exp(limit) * jnp.maximum(x - limit, 0)


def _expm1(x):
  """`exp(x) - 1`, continued like `_exp`."""
  return jnp.expm1(jnp.minimum(x, _EXPONENT)) + math.exp(_EXPONENT) * jnp.maximum(x - _EXPONENT, 0)


def _log_of_bin(log_width):
  """`log(1 - exp(-width))`; for narrow bins that is `log_width`, up to `width / 2`, which no longer underflows."""
  narrow = log_width < -15
  width = _exp(jnp.where(narrow, 0.0, log_width))
  return jnp.where(narrow, log_width, jnp.log(-jnp.expm1(-width)))
