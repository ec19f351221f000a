"""The log-likelihood of a score model with its network, of what the data layer gives."""

import math

import jax

from jaxgen.families import conditions
from jaxgen.families.score.model import ScoreModel, score_of
from jaxgen.types import Batch, Extra, Params, PRNGKey


def log_prob(model: ScoreModel, params: Params, extra: Extra, rng: PRNGKey, batch: Batch) -> jax.Array:
  """What `model.likelihood` says, f32[B] nats: of discrete data its log-mass and `D log(levels)`, a density."""
  x, levels = batch['x'], model.x.levels
  score_fn = score_of(model, params, extra, conditions.prepared(batch, model.given))
  found = model.likelihood.log_prob(score_fn, rng, x, levels, model.path)
  return found + math.prod(x.shape[1:]) * math.log(levels) if levels else found
