"""The density of a score model: that of its probability-flow ODE."""

import math
from functools import partial

import jax
import jax.numpy as jnp

from jaxgen import fields
from jaxgen.families import conditions
from jaxgen.families.score.decoder import log_mass_bound
from jaxgen.families.score.model import ScoreModel, score_of
from jaxgen.losses.score import geometric_sigmas
from jaxgen.samplers.probability_flow import probability_flow_log_prob
from jaxgen.types import Batch, DataSpec, Estimate, Extra, Field, Params, PRNGKey

_EXACT_DIMENSIONS = 3  # in which a whole Jacobian is cheap


def estimate_of(x: Field, given: DataSpec, ode_steps: int) -> Estimate:
  """What `log_prob` is an estimate of, and what it takes.

  Raises:
    ValueError: if there are no steps of the ODE.
  """
  if ode_steps < 1:
    raise ValueError(f'ode_steps must be at least 1, not {ode_steps}.')
  return Estimate(
    'ODE estimate of a lower bound' if x.levels else 'ODE estimate for blurred data',
    ode_steps=ode_steps,
    probes=0 if fields.size(x) <= _EXACT_DIMENSIONS else 1,
    noise_draws=int(x.levels > 0),
    given=tuple(given),
  )


def log_prob(model: ScoreModel, params: Params, extra: Extra, rng: PRNGKey, batch: Batch) -> jax.Array:
  """The log-density of data blurred by the last level, f32[B] nats; of discrete data the bound on their log-mass that
  `jaxgen.families.score.decoder.log_mass_bound` makes of it."""
  x, sigmas, levels = batch['x'], model.path.sigmas, model.x.levels
  score_fn = score_of(model, params, extra, conditions.prepared(batch, model.given))
  rising = geometric_sigmas(sigmas[0], sigmas[-1], model.estimate.ode_steps + 1)[::-1]

  def log_density(rng, y):
    return probability_flow_log_prob(score_fn, rng, y, rising, model.estimate.probes)

  if not levels:
    return log_density(rng, x)
  smallest = jnp.full(len(x), sigmas[-1])
  bound = partial(log_mass_bound, lambda y: score_fn(y, smallest), log_density, rng, x)
  return bound(float(sigmas[-1]), levels) + math.prod(x.shape[1:]) * math.log(levels)
