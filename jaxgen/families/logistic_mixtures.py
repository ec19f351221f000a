"""Discretized mixtures of logistics as what the outputs of an autoregressive network mean."""

import jax
import jax.numpy as jnp

from jaxgen.families.distributions import Distribution, categorical
from jaxgen.losses.logistic_mixture import (
  LogisticMixture,
  logistic_mixture_log_masses,
  logistic_mixture_nll,
)


def logistic_mixture(levels: int, components: int) -> Distribution:
  """Of each entry a mixture whose outputs are `packed`: of values that have an order, as intensities and sound.

  Where the channels of a pixel are coupled, a network that sees the channels before gives the outputs of
  `jaxgen.losses.logistic_mixture.coupled`. Its knobs are those of `categorical`, of the masses of all values.

  Args:
    levels: the number of values of an entry.
    components: K, logistics in a mixture.

  Raises:
    ValueError: if the data is continuous.
  """
  values = categorical(levels)

  def nll(outputs, x, observed=None):
    return logistic_mixture_nll(x, unpacked(outputs), levels=levels, observed=observed)

  def draw(rng, outputs, **knobs):
    return values.draw(rng, logistic_mixture_log_masses(unpacked(outputs), levels), **knobs)

  return values._replace(
    name=f'mixture of {components} discretized logistics over {levels} levels',
    num_outputs=3 * components,
    nll=nll,
    draw=draw,
  )


def packed(mixture: LogisticMixture) -> jax.Array:
  """The mixture as outputs: f32[..., 3 K]."""
  return jnp.concatenate(mixture, axis=-1)


def unpacked(outputs: jax.Array) -> LogisticMixture:
  """The inverse of `packed`."""
  return LogisticMixture(*jnp.split(outputs, 3, axis=-1))
