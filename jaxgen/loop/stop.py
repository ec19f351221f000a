"""How a run is asked to stop: a signal is taken down, and the loop looks when it can save."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgen.loop import signals


class Stopped(Exception):
  """SIGTERM or Ctrl-C arrived; the state was saved, and the same command goes on from it. `code` is for the shell."""

  def __init__(self, message: str, code: int):
    """See above."""
    super().__init__(message)
    self.code = code


class StopAsked(threading.Event):
  """Is set by a signal, whose `number` it keeps; SIGTERM's where another host was asked."""

  number = signal.SIGTERM


@contextlib.contextmanager
def stop_signals() -> Iterator[StopAsked]:
  """An event that SIGTERM or Ctrl-C sets, the first time; the second time they do what they did before."""
  asked = StopAsked()
  if threading.current_thread() is not threading.main_thread():
    yield asked
    return
  old = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

  def ask(number, frame):
    if asked.is_set():
      signal.signal(number, old[number])
      signal.raise_signal(number)
      return
    signals.take()
    asked.number = number
    asked.set()
    signals.say(
      'jaxgen: Stopping after this step and its evaluation; once more stops at once, without saving.'
    )

  for number in old:
    signal.signal(number, ask)
  try:
    yield asked
  finally:
    for number, handler in old.items():
      signal.signal(number, handler)


def on_any_host(wish: bool, may_ask: bool) -> bool:
  """Whether some host wishes it. Several have to agree when they stop, or some would wait for the others forever.

  Args:
    wish: of this host.
    may_ask: whether this is a moment to ask the others, which costs time; alike on all hosts.
  """
  if jax.process_count() == 1:
    return wish
  return may_ask and bool(multihost_utils.process_allgather(np.array(wish)).any())
