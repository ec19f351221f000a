"""Score models: a family function and its slots, one file each; the losses are `jaxgen.losses.score`."""

from jaxgen.families.score.classifier import Guide, classifier
from jaxgen.families.score.completion import Completion, completed_by
from jaxgen.families.score.couplings import COUPLINGS, Coupling
from jaxgen.families.score.family import score
from jaxgen.families.score.guidance import Guidance
from jaxgen.families.score.likelihoods import LIKELIHOODS, Likelihood
from jaxgen.families.score.parameterizations import PARAMETERIZATIONS, Parameterization
from jaxgen.families.score.paths import PATHS, Path
from jaxgen.families.score.samplers import WAYS
from jaxgen.families.score.targets import TARGETS
from jaxgen.families.score.way import Way
from jaxgen.families.score.weightings import WEIGHTINGS, Weighting

__all__ = [
  'COUPLINGS',
  'LIKELIHOODS',
  'PARAMETERIZATIONS',
  'PATHS',
  'TARGETS',
  'WAYS',
  'WEIGHTINGS',
  'Completion',
  'Coupling',
  'Guidance',
  'Guide',
  'Likelihood',
  'Parameterization',
  'Path',
  'Way',
  'classifier',
  'Weighting',
  'completed_by',
  'score',
]
