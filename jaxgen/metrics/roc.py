"""How well a score tells two groups apart: the receiver operating characteristic and the area beneath it."""

import math

import numpy as np


def roc_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """What share of either group lies at or above each threshold, from the highest on.

  Args:
    scores: f[N], higher for the positive.
    positive: bool[N].

  Returns:
    The false and the true positive rate, f64[K + 1] each, from 0 to 1; equal scores share one of the K thresholds.
  """
  scores, positive = np.asarray(scores), np.asarray(positive, bool)
  order = np.argsort(-scores, kind='stable')
  ranked = scores[order]
  last = np.append(ranked[1:] != ranked[:-1], True)  # of each group of equal scores, infinite ones too
  true = np.cumsum(positive[order])[last] / max(1, positive.sum())
  false = np.cumsum(~positive[order])[last] / max(1, (~positive).sum())
  return np.append(0.0, false), np.append(0.0, true)


def auc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
  """The area under the curve, and its standard error (Hanley and McNeil 1982, equation 1).

  It is the probability that a positive example scores above a negative one, ties counting half.

  Raises:
    ValueError: if one of the groups is empty.
  """
  positive = np.asarray(positive, bool)
  above, below = int(positive.sum()), int((~positive).sum())
  if not above or not below:
    raise ValueError('the area under the curve needs examples of both groups.')
  false, true = roc_curve(scores, positive)
  area = float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))
  q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
  variance = area * (1 - area) + (above - 1) * (q1 - area**2) + (below - 1) * (q2 - area**2)
  return area, math.sqrt(max(0.0, variance) / (above * below))
