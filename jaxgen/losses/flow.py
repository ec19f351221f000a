"""The likelihood of a normalizing flow: a prior on the latents and the change of variables.

Latents are any pytree of arrays `f32[B, ...]`: one array, or the tuple of a multi-scale flow.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.losses._checks import check_batched, check_per_example


class Prior(NamedTuple):
  """A distribution of latents.

  Attributes:
    log_prob: `latents -> f32[B]`, nats.
    sample: `(rng, shapes) -> latents`, where `shapes` is a pytree of things that have a shape.
  """

  log_prob: Callable[[Any], jax.Array]
  sample: Callable[[jax.Array, Any], Any]


def standard_normal() -> Prior:
  """Independent standard normals: `log p(z) = -(z^2 + log 2 pi) / 2` per element."""
  return _independent(jax.scipy.stats.norm.logpdf, jax.random.normal)


def standard_logistic() -> Prior:
  """Independent standard logistics: `log p(z) = -softplus(z) - softplus(-z)` per element (NICE, section 3.4)."""
  return _independent(jax.scipy.stats.logistic.logpdf, jax.random.logistic)


def log_prob(latents: Any, log_det: jax.Array, prior: Prior) -> jax.Array:
  """The change of variables: `log p(x) = log p_Z(f(x)) + log|det df/dx|`.

  Dinh et al., "Density estimation using Real NVP", equation 2.

  Args:
    latents: `f(x)`.
    log_det: f32[B], nats.
    prior: the density `p_Z`.

  Returns:
    f32[B], nats.

  Raises:
    ValueError: if prior and log-determinant are not one number per example each, or the latents are: then it is
      likely that the two were exchanged.
  """
  for leaf in jax.tree.leaves(latents):
    if leaf.ndim < 2:
      raise ValueError(f'latents must be f32[B, ...] of at least 2 axes, not of shape {leaf.shape}.')
  log_prior = prior.log_prob(latents)
  check_per_example(log_prior=log_prior, log_det=log_det)
  return log_prior + log_det


def negative_log_likelihood(latents: Any, log_det: jax.Array, prior: Prior) -> jax.Array:
  """`-log p(x)`, f32[B], nats: what a flow minimizes. See `log_prob`, also for what it refuses."""
  return -log_prob(latents, log_det, prior)


def _independent(log_density, draw):
  def log_prob(latents):
    check_batched(**{f'latents[{index}]': leaf for index, leaf in enumerate(jax.tree.leaves(latents))})
    terms = (
      log_density(leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32)))
      for leaf in jax.tree.leaves(latents)
    )
    return functools.reduce(operator.add, (term.reshape(term.shape[0], -1).sum(-1) for term in terms))

  def sample(rng, shapes):
    leaves, structure = jax.tree.flatten(shapes)
    rngs = jax.random.split(rng, len(leaves))
    return structure.unflatten([draw(key, leaf.shape) for key, leaf in zip(rngs, leaves, strict=True)])

  return Prior(log_prob, sample)
