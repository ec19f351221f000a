import pytest

from jaxgen.loop import clock as clocks


@pytest.fixture
def now(monkeypatch):
  """A time that only the test moves: `now[0]`, in seconds."""
  time = [100.0]
  monkeypatch.setattr(clocks.time, 'perf_counter', lambda: time[0])
  return time


def test_the_first_steps_compile_and_do_not_count(now):
  clock = clocks.Clock()
  now[0] += 7
  assert clock.seconds == 0
  clock.tick(5)
  assert clock.rate() is None
  now[0] += 2
  clock.tick(10)
  assert clock.rate() == 5
  assert clock.seconds == 2


def test_pauses_do_not_count(now):
  clock = clocks.Clock(seconds=30.0)  # of a run that goes on
  with clock.paused():
    now[0] += 3
  clock.tick(1)
  now[0] += 1
  with clock.paused():
    now[0] += 50
  now[0] += 1
  clock.tick(8)
  assert clock.rate() == 4
  assert clock.seconds == 32


def test_the_limit_counts_what_was_before(now):
  clock = clocks.Clock(seconds=30.0, limit=35.0)
  clock.tick(1)
  now[0] += 4
  assert not clock.is_over
  assert clock.seconds_left(steps=10, rate=20.0) == 0.5
  assert clock.seconds_left(steps=100, rate=20.0) == 1
  now[0] += 1
  assert clock.is_over
  assert clock.seconds_left(steps=100, rate=20.0) == 0
  assert not clocks.Clock(seconds=1e9).is_over


def test_where_nothing_was_done_since_the_last_row_its_rate_stands(now):
  clock = clocks.Clock()
  clock.tick(1)
  now[0] += 1
  clock.tick(6)
  assert clock.rate() == 6
  now[0] += 1
  assert clock.rate() == 6
