"""Mixtures of discretized logistics: the likelihood of PixelCNN++ (Salimans et al. 2017, sections 2.1 and 2.2).

An entry is a pixel's channel, or a sample of sound. Means and scales are those of intensities in [0, 1], as in
`jaxgen.losses.likelihood.discretized_logistic_nll`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.losses._checks import check_same_shape
from jaxgen.losses._finite import in_float32, sum_over_event
from jaxgen.losses.likelihood import discretized_logistic_log_mass


class LogisticMixture(NamedTuple):
  """A mixture of K logistics for each entry.

  Attributes:
    logits: f32[..., K], of the weights.
    means: f32[..., K].
    log_scales: f32[..., K].
  """

  logits: jax.Array
  means: jax.Array
  log_scales: jax.Array


def logistic_mixture_nll(
  x: jax.Array, mixture: LogisticMixture, *, levels: int, observed: jax.Array | None = None
) -> jax.Array:
  """-sum_i log sum_k w_ik P_ik(x_i) (Salimans et al., "PixelCNN++", 2017, equations 1 and 2).

  Args:
    x: whole numbers [B, ...] in [0, levels).
    mixture: of each of its entries, f32[B, ..., K].
    levels: the number of values of an entry, at least 2.
    observed: bool[B, ...], which entries the sum runs over; None: all.

  Returns:
    f32[B], nats of probability mass. The log-density on the unit cube is `D log(levels)` minus this.

  Raises:
    ValueError: if the shapes do not fit, or `levels` is less than 2.
    TypeError: if `x` does not hold whole numbers.
  """
  check_same_shape(logits=mixture.logits, means=mixture.means, log_scales=mixture.log_scales)
  if mixture.means.shape[:-1] != x.shape:
    raise ValueError(f'a mixture of shape {mixture.means.shape} does not fit data of shape {x.shape}.')
  if not jnp.issubdtype(x.dtype, jnp.integer):
    raise TypeError(f'a discretized likelihood needs whole numbers, not {x.dtype}.')
  if levels < 2:
    raise ValueError(f'a discretized likelihood needs at least 2 levels, not {levels}.')
  return -sum_over_event(_log_mass(x, mixture, levels), observed)


def logistic_mixture_log_masses(mixture: LogisticMixture, levels: int) -> jax.Array:
  """The log-mass of every value that an entry may take: f32[..., levels], nats; the masses sum to 1."""
  every = LogisticMixture(*(part[..., None, :] for part in mixture))
  return _log_mass(jnp.arange(levels), every, levels)


def logistic_mixture_mean(mixture: LogisticMixture, levels: int) -> jax.Array:
  """The mean of an entry, f32[...], a number in [0, levels - 1]."""
  return jnp.exp(logistic_mixture_log_masses(mixture, levels)) @ jnp.arange(levels, dtype=jnp.float32)


def coupled(
  x: jax.Array, mixture: LogisticMixture, coefficients: jax.Array, *, levels: int
) -> LogisticMixture:
  """Each channel's mixture given the channels of its pixel before it, out of one mixture of whole pixels.

  In component k the mean of a channel is linear in the channels before it (equation 3):
  `mean_c + sum_{d<c} coefficient_cd (x_d / (levels - 1) - 1/2)`. All channels are of one component, so what came
  before tells which: channel c has the weights `softmax_k(log w_k + sum_{d<c} log P_kd(x_d | x_<d))`. The product of
  the channels' masses is that of the pixel, `sum_k w_k prod_c P_kc(x_c | x_<c)`.

  Args:
    x: [..., C], values in [0, levels).
    mixture: with logits f32[..., K] of the pixel, means and log_scales f32[..., C, K].
    coefficients: f32[..., C (C - 1) / 2, K], for the channels c = 1, 2, ... in turn those of d = 0, ..., c - 1.
    levels: the number of values of an entry.

  Returns:
    The mixtures of the entries, f32[..., C, K] each.
  """
  logits, means, log_scales, coefficients, x = in_float32(*mixture, coefficients, x)
  channels = x.shape[-1]
  matrix = jnp.zeros((*x.shape, channels, means.shape[-1]))
  matrix = matrix.at[..., *np.tril_indices(channels, -1), :].set(coefficients)
  means += jnp.einsum('...cdk,...d->...ck', matrix, x / (levels - 1) - 0.5)
  log_mass = discretized_logistic_log_mass(x[..., None], mean=means, log_scale=log_scales, levels=levels)
  earlier = jnp.concatenate([jnp.zeros_like(log_mass[..., :1, :]), log_mass[..., :-1, :]], axis=-2)
  logits = jax.nn.log_softmax(logits[..., None, :] + jnp.cumsum(earlier, axis=-2))
  return LogisticMixture(logits, means, log_scales)


def _log_mass(x, mixture, levels):
  logits, means, log_scales = in_float32(*mixture)
  of_each = discretized_logistic_log_mass(x[..., None], mean=means, log_scale=log_scales, levels=levels)
  return jax.nn.logsumexp(jax.nn.log_softmax(logits) + of_each, axis=-1)
