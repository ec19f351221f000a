"""What a score model is made of, and the score that its network gives."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.families.networks import Apply
from jaxgen.families.score.completion import Completion
from jaxgen.families.score.couplings import Coupling
from jaxgen.families.score.guidance import Guidance
from jaxgen.families.score.likelihoods import Likelihood
from jaxgen.families.score.parameterizations import Parameterization
from jaxgen.families.score.path import Path
from jaxgen.families.score.targets import Target
from jaxgen.families.score.way import ScoreFn, Way
from jaxgen.families.score.weightings import Weighting
from jaxgen.samplers.guidance import classifier_guided, guided
from jaxgen.types import DataSpec, Extra, Field, Params, PRNGKey


class ScoreModel(NamedTuple):
  """The slots of `jaxgen.families.score.family.score`, and the way to its network."""

  apply: Apply
  path: Path
  parameterization: Parameterization
  weighting: Weighting
  target: Target
  way: Way
  completion: Completion
  coupling: Coupling
  likelihood: Likelihood
  x: Field
  given: DataSpec
  guidance: Guidance

  @property
  def followed(self) -> DataSpec:
    """The conditions of samples: those of the network, and what a classifier tells."""
    classifier = self.guidance.classifier
    return self.given if classifier is None else {**self.given, 'label': classifier.label}


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
  model: ScoreModel, params: Params, extra: Extra, given: Mapping[str, jax.Array], guidance: float = 1.0
) -> ScoreFn:
  """`(x f32[B, *shape], sigma f32[B]) -> f32[B, *shape]`, as samplers take it; `given` is prepared.

  With another weight than 1 it is guided, see `jaxgen.samplers.guided`, by the same network without the conditions; or
  by a classifier, where there is one and a label is given, with any weight, see `jaxgen.samplers.classifier_guided`.
  """
  if (guide := model.guidance.classifier) and 'label' in given:
    label = given['label']
    unconditional = lambda noisy, sigma: scored(model, params, extra, noisy, sigma, {})[0]  # noqa: E731
    log_prob = lambda noisy, sigma: (guide.log_prob(noisy, sigma) * label).sum(-1)  # noqa: E731
    return classifier_guided(unconditional, log_prob, guidance)
  conditional = lambda noisy, sigma: scored(model, params, extra, noisy, sigma, given)[0]  # noqa: E731
  if guidance == 1:
    return conditional
  unconditional = lambda noisy, sigma: scored(model, params, extra, noisy, sigma, without(given))[0]  # noqa: E731
  return guided(conditional, unconditional, guidance)


def without(given: Mapping[str, jax.Array], dropped: jax.Array | bool = True) -> dict[str, jax.Array]:
  """Prepared labels, all of an example left out where `dropped`, bool[B]: zeros, which no one-hot label is."""

  def left_out(value):
    where = jnp.reshape(dropped, (-1,) + (1,) * (value.ndim - 1))
    return jnp.where(where, jnp.zeros_like(value), value)

  return {name: left_out(value) for name, value in given.items()}
