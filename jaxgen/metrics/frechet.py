"""The Fréchet distance between two Gaussians, and the Gaussians themselves."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lapack

from jaxgen.errors import UserError


class Gaussian(NamedTuple):
  """`mean` f64[D], `cov` f64[D, D] (unbiased), estimated from `count` samples."""

  mean: np.ndarray
  cov: np.ndarray
  count: int  # type: ignore[assignment]  # a tuple has a method of this name


def frechet_distance(mean1: ArrayLike, cov1: ArrayLike, mean2: ArrayLike, cov2: ArrayLike) -> float:
  """The squared Fréchet (2-Wasserstein) distance between two Gaussians, in float64.

  `|m1 - m2|^2 + Tr C1 + Tr C2 - 2 Tr (C1 C2)^(1/2)` (Dowson and Landau, "The Fréchet distance between
  multivariate normal distributions"; the FID of Heusel et al., "GANs trained by a two
  time-scale update rule", equation 6). With `C = L L'` the last trace is the sum of the singular values of
  `L1' L2`. No square root of an eigenvalue is taken, so that one which rounding has moved by 1e-16 moves
  the result by as little, where the matrix square root of `C1 C2` moves by 1e-8.

  Args:
    mean1: f[D].
    cov1: f[D, D], symmetric, positive semi-definite; it may be singular.
    mean2: f[D].
    cov2: f[D, D].

  Raises:
    UserError: if a number is not finite, or the shapes do not fit together.
  """
  mean1, cov1, mean2, cov2 = (np.asarray(a, np.float64) for a in (mean1, cov1, mean2, cov2))
  dims = mean1.shape[0] if mean1.ndim == 1 else -1
  if mean2.shape != (dims,) or cov1.shape != (dims, dims) or cov2.shape != (dims, dims):
    shapes = ', '.join(str(a.shape) for a in (mean1, cov1, mean2, cov2))
    raise UserError(f'The Gaussians to compare have shapes {shapes}; use the same features for both.')
  if not all(np.isfinite(a).all() for a in (mean1, cov1, mean2, cov2)):
    raise UserError('A Gaussian to compare holds numbers that are not finite; look at the samples.')
  cross = np.linalg.svd(_factor(cov1).T @ _factor(cov2), compute_uv=False).sum()
  distance = np.sum((mean1 - mean2) ** 2) + np.trace(cov1) + np.trace(cov2) - 2 * cross
  return float(max(distance, 0.0))


def gaussian_statistics(features: np.ndarray | Iterable[np.ndarray]) -> Gaussian:
  """Mean and unbiased covariance in float64, of one array or of a stream of them.

  Chunks are merged by their means and sums of squares about them (Chan, Golub and LeVeque, "Updating
  formulae and a pairwise algorithm for computing sample variances", equation 2.1), so that a stream of any
  length holds one matrix, and a large mean costs no digits.

  Args:
    features: f[N, D], or an iterable of f[n, D].

  Raises:
    UserError: if there are too few samples for a covariance of full rank (N must exceed D), or some of them
      are not finite.
  """
  chunks = [features] if hasattr(features, 'shape') else features
  count, mean, scatter = 0, np.zeros(()), np.zeros(())
  for chunk in chunks:
    chunk = np.asarray(chunk, np.float64)
    check_features(chunk)
    num = len(chunk)
    if not num:
      continue
    chunk_mean = chunk.mean(0)
    centred = chunk - chunk_mean
    delta = chunk_mean - mean
    total = count + num
    scatter = scatter + centred.T @ centred + np.outer(delta, delta) * (count * num / total)
    mean = mean + delta * (num / total)
    count = total
  dims = np.size(mean) if count else 0
  if count <= dims:
    raise UserError(
      f'{count} samples are too few for the covariance of {dims} features: '
      f'measure with at least {dims + 1} samples.'
    )
  return Gaussian(mean, scatter / (count - 1), count)


def check_features(features: np.ndarray, what: str = 'The features') -> None:
  """Features are f[N, D] and finite.

  Raises:
    UserError: if they are not, with how many samples are concerned.
  """
  if np.ndim(features) != 2:
    raise UserError(f'{what} have shape {np.shape(features)}; give one row per sample, [N, D].')
  bad = len(features) - int(np.isfinite(features).all(1).sum())
  if bad:
    raise UserError(f'{what} of {bad} of {len(features)} samples are not finite; look at these samples.')


def _factor(cov):
  """L with `L L' = cov`, f64[D, rank]."""
  try:
    return np.linalg.cholesky(cov)
  except np.linalg.LinAlgError:
    return _pivoted_factor(cov)


def _pivoted_factor(cov):
  """The same for a singular matrix: the largest pivot first, until the rest is rounding (LAPACK's pstrf)."""
  factor, pivots, rank, _ = lapack.dpstrf(np.asfortranarray(cov), lower=1)
  lower = np.tril(factor)[:, :rank]
  unpivoted = np.empty_like(lower)
  unpivoted[pivots - 1] = lower
  return unpivoted
