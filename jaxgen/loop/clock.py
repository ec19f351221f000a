"""The time that training takes, and its speed, as the log tells it."""

import contextlib
import time
from collections.abc import Iterator


class Clock:
  """Times training steps, without compilation, evaluation and pictures."""

  def __init__(self, seconds: float = 0.0, limit: float = 0.0):
    """Goes on from the `seconds` of a run that is resumed, which may take `limit` seconds in all; 0: no limit."""
    self.limit, self._before, self._since = limit, seconds, time.perf_counter()
    self._begin: float | None = None
    self._steps: int | None = None
    self._last: float | None = None

  @property
  def seconds(self) -> float:
    """What training has taken, since the run began."""
    return self._before + (0.0 if self._begin is None else time.perf_counter() - self._begin)

  @property
  def is_over(self) -> bool:
    """Whether the limit is reached."""
    return 0 < self.limit <= self.seconds

  def seconds_left(self, steps: int, rate: float) -> float:
    """To the end of so many more steps, or to the limit, whichever comes first."""
    left = steps / rate
    return min(left, max(0.0, self.limit - self.seconds)) if self.limit else left

  def tick(self, steps: int) -> None:
    """Counts finished steps. The first ones, which wait for the compiler, only start the clock."""
    if self._steps is not None:
      self._steps += steps
      return
    now = time.perf_counter()
    self._since, self._begin, self._steps = now, now, 0

  def rate(self) -> float | None:
    """Steps per second since the last call, or None while there has been nothing to time."""
    now = time.perf_counter()
    if self._steps:
      self._last = self._steps / (now - self._since)
    self._since, self._steps = now, 0
    return self._last

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """Leaves out what is done meanwhile."""
    start = time.perf_counter()
    yield
    pause = time.perf_counter() - start
    self._since += pause
    self._begin = self._begin and self._begin + pause
