"""Means over the steps since the last row of metrics, and the watch over what is not finite."""

from collections.abc import Mapping
from typing import Any

import numpy as np


class NotFinite(ArithmeticError):
  """A term of the loss is nan or infinite; `step` is the first such step."""

  def __init__(self, step: int, terms: list[str]):
    """`terms` are their names."""
    super().__init__(f'Not finite at step {step}: {", ".join(sorted(terms))}')
    self.step = step


class Window:
  """Sums `clu.metrics.Average`s on the host.

  Its content goes into checkpoints, so that a resumed run writes the same rows.
  """

  def __init__(self, saved: Mapping[str, Any] | None = None):
    """Starts with what `to_json` gave, or empty."""
    self._sums = {name: tuple(pair) for name, pair in (saved or {}).items()}

  def add(self, first: int, metrics: Mapping[str, Any]) -> None:
    """Takes in the metrics of consecutive steps, `[K]`, the first of which is step `first`.

    Raises:
      NotFinite: naming the first step with such a term, and the terms.
    """
    totals = {name: np.asarray(value.total, np.float64) for name, value in metrics.items()}
    bad = {
      name: int(np.argmin(np.isfinite(total)))
      for name, total in totals.items()
      if not np.isfinite(total).all()
    }
    if bad:
      step = min(bad.values())
      raise NotFinite(first + step, [name for name, at in bad.items() if at == step])
    for name, total in totals.items():
      old_total, old_count = self._sums.get(name, (0.0, 0.0))
      count = float(np.sum(metrics[name].count, dtype=np.float64))
      self._sums[name] = (old_total + float(total.sum()), old_count + count)

  def means(self) -> dict[str, float]:
    """The mean of every metric that was reported at all, the loss first."""
    means = {name: total / count for name, (total, count) in self._sums.items() if count}
    return dict(sorted(means.items(), key=lambda item: (item[0] != 'loss', item[0])))

  def clear(self) -> None:
    """Starts the next window."""
    self._sums = {}

  def to_json(self) -> dict[str, list[float]]:
    """The sums and counts."""
    return {name: list(pair) for name, pair in self._sums.items()}
