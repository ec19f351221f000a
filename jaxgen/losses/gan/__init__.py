"""Adversarial losses: functions of what a discriminator says, one number per example.

A discriminator's logits are `f32[B]`, or `f32[B, ...]` where it judges patches; patches are averaged, so
every function here returns `f32[B]` and leaves the reduction to the caller. `D` is the logit, large for
what the discriminator takes for real; `p = sigmoid(D)`. What the discriminator and the generator minimize
are two functions; a `GanLoss` pairs them (`hinge`, `non_saturating`, ...), and `LOSSES` lists the pairs. Real and
generated are arrays of one shape, so they are given by name.

Some want to hear more of a discriminator than logits (`auxiliary_classifier`, `k_plus_one`, `feature_matching`):
`GanLoss.needs` lists it.

Penalties take the discriminator as a function `critic: f32[B, ...] -> f32[B]` of its input.
"""

from jaxgen.losses.gan.classes import (
  auxiliary_classifier,
  k_plus_one,
  k_plus_one_discriminator,
  k_plus_one_generator,
  logit_of_classes,
)
from jaxgen.losses.gan.features import feature_distance, feature_matching, feature_matching_generator
from jaxgen.losses.gan.pairs import (
  PAIRS,
  GanLoss,
  hinge,
  hinge_discriminator,
  hinge_generator,
  least_squares,
  least_squares_discriminator,
  least_squares_generator,
  logistic_discriminator,
  minimax,
  minimax_generator,
  non_saturating,
  non_saturating_generator,
  relativistic,
  relativistic_discriminator,
  relativistic_generator,
  wasserstein,
  wasserstein_discriminator,
  wasserstein_generator,
)
from jaxgen.losses.gan.penalties import (
  PENALTIES,
  dragan_penalty,
  gradient_penalty,
  path_length,
  r1_penalty,
)
from jaxgen.losses.gan.table import LOSSES
from jaxgen.losses.gan.translation import cycle_consistency, distance_to_truth, identity_mapping

__all__ = [
  'LOSSES',
  'PAIRS',
  'PENALTIES',
  'GanLoss',
  'auxiliary_classifier',
  'cycle_consistency',
  'distance_to_truth',
  'dragan_penalty',
  'feature_distance',
  'feature_matching',
  'feature_matching_generator',
  'gradient_penalty',
  'hinge',
  'hinge_discriminator',
  'hinge_generator',
  'identity_mapping',
  'k_plus_one',
  'k_plus_one_discriminator',
  'k_plus_one_generator',
  'least_squares',
  'least_squares_discriminator',
  'least_squares_generator',
  'logistic_discriminator',
  'logit_of_classes',
  'minimax',
  'minimax_generator',
  'non_saturating',
  'non_saturating_generator',
  'path_length',
  'r1_penalty',
  'relativistic',
  'relativistic_discriminator',
  'relativistic_generator',
  'wasserstein',
  'wasserstein_discriminator',
  'wasserstein_generator',
]
