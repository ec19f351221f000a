"""Score models: a family function and its slots, one file each; the losses are `jaxgen.losses.score`."""

from jaxgen.families.score.family import score
from jaxgen.families.score.parameterizations import Parameterization
from jaxgen.families.score.paths import Path, linear_sigmas, variance_exploding, variance_preserving
from jaxgen.families.score.samplers import WAYS, Way
from jaxgen.families.score.weightings import Weighting

__all__ = [
  'WAYS',
  'Parameterization',
  'Path',
  'Way',
  'Weighting',
  'linear_sigmas',
  'score',
  'variance_exploding',
  'variance_preserving',
]
