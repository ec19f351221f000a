"""Density and coverage: precision and recall that one outlier does not move."""

import numpy as np

from jaxgen.metrics.distances import BallCounts, ball_counts


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> tuple[float, float]:
  """How densely fake samples lie where the data do, and how much of the data has a fake sample near.

  `density = 1 / (k M) sum_j #{i: Y_j in B(X_i)}` and `coverage = 1 / N #{i: some Y_j in B(X_i)}`, where
  `B(X_i)` reaches to the k-th nearest other of `X_i` (Naeem et al., "Reliable fidelity and diversity metrics
  for generative models", section 3). Density may exceed 1. Equal distributions have a density near 1, and a
  coverage near `1 - 2^-k` where N = M is large. Balls are closed; those of the package `prdc` are open, which tells
  only where distances tie.

  Args:
    real: f[N, D], features of data.
    fake: f[M, D], features of generated samples.
    k: 5 as published.

  Raises:
    UserError: if a set has not more than k samples, or the sets differ in width, or numbers are not finite.
  """
  return from_counts(ball_counts(real, fake, (k,)), 0, k)


def from_counts(counts: BallCounts, radius: int, k: int) -> tuple[float, float]:
  """Density and coverage from counts made already; `radius` is the place of k among their ks."""
  density = counts.fake_in_real[:, radius].mean() / k
  coverage = (counts.real_hit[:, radius] > 0).mean()
  return float(density), float(coverage)
