"""Numbers with their protocol. What is here takes arrays; `jaxgen.metrics.measure` takes a model and a data set."""

from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.metrics.density_coverage import density_coverage
from jaxgen.metrics.frechet import Gaussian, frechet_distance, gaussian_statistics
from jaxgen.metrics.inception_score import inception_score
from jaxgen.metrics.kernel import kernel_distance
from jaxgen.metrics.modes import label_modes, mixture_modes
from jaxgen.metrics.nearest_neighbours import memorization
from jaxgen.metrics.precision_recall import precision_recall
from jaxgen.metrics.sharpness import sharpness

__all__ = [
  'Gaussian',
  'bits_per_dim',
  'density_coverage',
  'frechet_distance',
  'gaussian_statistics',
  'inception_score',
  'kernel_distance',
  'label_modes',
  'memorization',
  'mixture_modes',
  'precision_recall',
  'sharpness',
]
