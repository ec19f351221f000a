"""The kernel distance (KID): squared maximum mean discrepancy under a cubic kernel."""

import numpy as np
from numpy.typing import ArrayLike

from jaxgen.errors import UserError
from jaxgen.metrics.frechet import check_features


def kernel_distance(
  features1: ArrayLike,
  features2: ArrayLike,
  *,
  subsets: int = 100,
  subset_size: int = 1000,
  seed: int = 0,
) -> tuple[float, float | None]:
  """The mean over random subsets of the unbiased squared MMD, with `k(x, y) = (x'y / D + 1)^3`.

  Binkowski et al., "Demystifying MMD GANs", equation 4. Its expectation is zero where the
  distributions are equal, whatever the number of samples; so a single value may be negative.

  Args:
    features1: f[N, D].
    features2: f[M, D].
    subsets: the number of subsets.
    subset_size: the samples in each, drawn without replacement; at most the smaller of N and M is taken.
    seed: which subsets.

  Returns:
    Mean and standard deviation over the subsets; None for the latter where a subset is more than half of a set:
    such subsets are nearly the same one, and their spread says nothing about the error of the mean.

  Raises:
    UserError: if there are fewer than two samples on a side, features that are not finite, or features of
      different widths.
  """
  features1, features2 = np.asarray(features1), np.asarray(features2)
  check_features(features1)
  check_features(features2)
  if features1.shape[1] != features2.shape[1]:
    raise UserError(
      f'The features to compare are {features1.shape[1]} and {features2.shape[1]} wide; use the same for both.'
    )
  size = min(subset_size, len(features1), len(features2))
  if size < 2 or subsets < 1:
    raise UserError('A kernel distance needs at least 2 samples on each side, and at least 1 subset.')
  rng = np.random.default_rng(seed)
  values = [_mmd(_draw(rng, features1, size), _draw(rng, features2, size)) for _ in range(subsets)]
  apart = 2 * size <= min(len(features1), len(features2)) and subsets > 1
  return float(np.mean(values)), float(np.std(values)) if apart else None


def _draw(rng, features, size):
  return features[rng.choice(len(features), size, replace=False)].astype(np.float64)


def _mmd(x, y):
  """The unbiased estimate for as many x as y; `k(x_i, x_i)` is left out."""
  size = len(x)
  within = (_off_diagonal_sum(_kernel(x, x)) + _off_diagonal_sum(_kernel(y, y))) / (size * (size - 1))
  return within - 2 * _kernel(x, y).mean()


def _kernel(x, y):
  dots = x @ y.T
  dots /= x.shape[1]
  dots += 1
  return dots * dots * dots


def _off_diagonal_sum(kernel):
  return kernel.sum() - np.trace(kernel)
