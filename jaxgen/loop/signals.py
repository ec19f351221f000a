"""Ctrl-C and SIGTERM where there is nothing to save: one line, and the exit code that shells expect.

This module is imported before all others, and so imports nothing that takes time.
"""

import os
import signal
import threading
from types import FrameType

_taken = 0  # signals that another handler took

_WORDS = {signal.SIGINT: 'Interrupted', signal.SIGTERM: 'Terminated'}


def leave_at_signals() -> None:
  """From now on Ctrl-C and SIGTERM end the process at once, unless somebody else takes them (`jaxgen.loop.stop`).

  A thread does it: the main thread may be in a compiler, or where an exception would be swallowed.
  """
  reading, writing = os.pipe()
  os.set_blocking(writing, False)
  signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
  for number in _WORDS:
    signal.signal(number, leave)
  threading.Thread(target=_wait, args=(reading,), daemon=True).start()


def leave(number: int, frame: FrameType | None) -> None:
  """The handler that stands for leaving at once; the thread looks for it."""
  del number, frame


def take() -> None:
  """Said by another handler: it has taken a signal, for which the process need not end."""
  global _taken
  _taken += 1


def exit_code(number: int) -> int:
  """130 after Ctrl-C, 143 after SIGTERM."""
  return 128 + number


def say(text: str) -> None:
  """Writes a line to stderr, also while another line is being printed."""
  os.write(2, f'{text}\n'.encode())


def _wait(reading):
  """Ends the process at a signal that nobody takes, or at the second one that waits to be taken."""
  received = 0
  while arrived := os.read(reading, 1):
    number = signal.Signals(arrived[0])
    received += number in _WORDS
    waiting = 0 if signal.getsignal(number) is leave else 1
    if number in _WORDS and received > _taken + waiting:
      say(f'jaxgen: {_WORDS[number]}; what was saved before is whole.')
      os._exit(exit_code(number))
