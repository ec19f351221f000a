"""Improved precision and recall: how many samples look real, and how much of the data they reach."""

import numpy as np

from jaxgen.metrics.distances import BallCounts, ball_counts


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
  """The fraction of fake samples on the estimated manifold of the real ones, and the other way round.

  A manifold is the union of balls that reach from each sample to its k-th nearest other (Kynkäänniemi et al.,
  "Improved precision and recall metric for assessing generative models", equations 1 and 2).
  Balls are closed, as in equation 1.

  Args:
    real: f[N, D], features of data.
    fake: f[M, D], features of generated samples.
    k: 3 as published.

  Raises:
    UserError: if a set has not more than k samples, or the sets differ in width, or numbers are not finite.
  """
  return from_counts(ball_counts(real, fake, (k,)), 0)


def from_counts(counts: BallCounts, radius: int) -> tuple[float, float]:
  """Precision and recall from counts made already; `radius` is the place of k among their ks."""
  precision = (counts.fake_in_real[:, radius] > 0).mean()
  recall = (counts.real_in_fake[:, radius] > 0).mean()
  return float(precision), float(recall)
