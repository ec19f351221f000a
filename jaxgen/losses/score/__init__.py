"""What score models are trained and measured by: arrays in, one number per example out, f32[B].

A score is a plain function, `f32[B, ...] -> f32[B, ...]`, with the noise level as a second argument, f32[B], where it
is trained on several. It is that of `x + sigma e` with `e ~ N(0, I)`: whatever the scale on which a path from data to
noise runs, sigma is the noise relative to the data, which has left `D = x + sigma^2 s` of what was seen, its mean given
that. Squares are summed over all axes of an example, so losses grow with the dimension.
"""

from jaxgen.losses.score.batch import mean_noise
from jaxgen.losses.score.bound import decoder_nll, prior_kl, step_kl
from jaxgen.losses.score.flow_matching import flow_matching
from jaxgen.losses.score.levels import geometric_sigmas, level_overlap, max_distance, num_levels
from jaxgen.losses.score.matching import ScoreFn, denoising, denoising_error, exact, sliced

__all__ = [
  'ScoreFn',
  'decoder_nll',
  'denoising',
  'denoising_error',
  'exact',
  'flow_matching',
  'geometric_sigmas',
  'level_overlap',
  'max_distance',
  'mean_noise',
  'num_levels',
  'prior_kl',
  'sliced',
  'step_kl',
]
