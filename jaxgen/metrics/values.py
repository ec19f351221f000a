"""One number of an evaluation, before it becomes a record."""

import math
from collections.abc import Sized
from typing import NamedTuple

import numpy as np

from jaxgen.metrics.evaluation import Evaluation
from jaxgen.types import Estimate


class Value(NamedTuple):
  """A number, and what its record says beyond the evaluation itself; see `results.Record`."""

  metric: str
  value: float
  spread: float | None
  settings: str
  estimate: Estimate | None
  n_generated: int
  n_reference: int
  split: str
  by_features: bool
  standard_error: float | None = None


def of_held_out(
  e: Evaluation, metric: str, values: np.ndarray, settings: str = '', estimate: Estimate | None = None
) -> Value:
  """The mean of numbers of held-out examples, f64[N], with its standard error."""
  mean, spread, size = float(values.mean()), float(values.std()), len(values)
  error = spread / math.sqrt(size)
  return Value(metric, mean, spread, settings, estimate, 0, size, e.settings.split, False, error)


def of_ratio(
  e: Evaluation,
  metric: str,
  sums: np.ndarray,
  counts: np.ndarray,
  settings: str = '',
  estimate: Estimate | None = None,
) -> Value:
  """All sums of held-out examples f64[N] by all their counts f64[N], with the standard error of such a ratio (to first
  order); the spread is that of the examples about it, in the same units."""
  ratio = float(sums.sum() / max(counts.sum(), 1))
  about = (sums - ratio * counts) / max(counts.mean(), 1e-9)
  return of_held_out(e, metric, about, settings, estimate)._replace(value=ratio)


def of_samples(
  e: Evaluation,
  metric: str,
  value: float,
  compared_with: Sized,
  settings: str = '',
  spread: float | None = None,
) -> Value:
  """A number of all samples, by features, against `compared_with`; against nothing, no split is named."""
  return Value(
    metric=metric,
    value=float(value),
    spread=spread,
    settings=settings,
    estimate=None,
    n_generated=e.num_samples,
    n_reference=len(compared_with),
    split=e.settings.against if len(compared_with) else '',
    by_features=True,
  )
