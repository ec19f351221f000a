"""What a score model is made of, and the score that its network gives."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax

from jaxgen.families.networks import Apply
from jaxgen.families.score.likelihoods import Likelihood
from jaxgen.families.score.parameterizations import Parameterization
from jaxgen.families.score.path import Path
from jaxgen.families.score.samplers import Way
from jaxgen.families.score.weightings import Weighting
from jaxgen.types import DataSpec, Extra, Field, Params, PRNGKey


class ScoreModel(NamedTuple):
  """The slots of `jaxgen.families.score.family.score`, and the way to its network."""

  apply: Apply
  path: Path
  parameterization: Parameterization
  weighting: Weighting
  way: Way
  completion: Way
  likelihood: Likelihood
  x: Field
  given: DataSpec


def scored(
  model: ScoreModel,
  params: Params,
  extra: Extra,
  noisy: jax.Array,
  sigma: jax.Array,
  given: Mapping[str, jax.Array],
  train: bool = False,
  rng: PRNGKey | None = None,
) -> tuple[jax.Array, Extra]:
  """The score f32[B, *shape] of f32[B, *shape] at the noise f32[B], and `extra`; `given` is prepared."""
  inputs = model.parameterization.inputs(noisy, sigma, model.path.scale(sigma))
  outputs, extra = model.apply('network', params, extra, inputs, sigma, given, train=train, rng=rng)
  # float32 whatever the network computes in: a noise level, and what is divided by it, has more than eight bits
  return model.parameterization.score(outputs.astype(noisy.dtype), noisy, sigma), extra


def score_of(
  model: ScoreModel, params: Params, extra: Extra, given: Mapping[str, jax.Array]
) -> Callable[[jax.Array, jax.Array], jax.Array]:
  """`(x f32[B, *shape], sigma f32[B]) -> f32[B, *shape]`, as samplers take it; `given` is prepared."""
  return lambda noisy, sigma: scored(model, params, extra, noisy, sigma, given)[0]
