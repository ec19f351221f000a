"""The speed of a run, as its log tells it."""

import contextlib
import time


class Clock:
  """Steps per second since the last row, without compilation, evaluation and pictures."""

  def __init__(self):
    self._since, self._steps, self._last = time.perf_counter(), None, None

  def tick(self, steps: int) -> float | None:
    """Counts finished steps. The first ones only start the clock, and what they took is returned."""
    if self._steps is not None:
      self._steps += steps
      return None
    took, self._since, self._steps = time.perf_counter() - self._since, time.perf_counter(), 0
    return took

  def rate(self) -> float | None:
    """Steps per second, or None while there has been nothing to time."""
    now = time.perf_counter()
    if self._steps:
      self._last = self._steps / (now - self._since)
    self._since, self._steps = now, 0
    return self._last

  @contextlib.contextmanager
  def paused(self):
    """Leaves out what is done meanwhile."""
    start = time.perf_counter()
    yield
    self._since += time.perf_counter() - start
