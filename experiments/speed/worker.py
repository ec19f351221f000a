"""A process that times things when it is asked to, and waits without using the processor otherwise.

Question and answer are one JSON object a line. Two of them, jaxgen and PyTorch, each with an interpreter of
its own, are asked in turn, so that both see the machine in the same state.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

# glibc hands memory back to the kernel and fetches it again; both sides are spared that (`jaxgen.process`).
MALLOC = {'MALLOC_ARENA_MAX': '1', 'MALLOC_MMAP_MAX_': '0', 'MALLOC_TRIM_THRESHOLD_': str(2**31 - 1)}


class Worker:
  """The parent's side: `worker.ask(do='train', seconds=1.0)`."""

  def __init__(self, python: str, module: str, environment: Mapping[str, str] = {}):  # noqa: B006
    self._process = subprocess.Popen(
      [python, '-m', module],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
      env={**os.environ, **MALLOC, **environment},
    )

  def ask(self, **question):
    """Sends a question and waits for the answer.

    Raises:
      RuntimeError: if the worker has died; its own words are on stderr.
    """
    self._process.stdin.write(json.dumps(question) + '\n')
    self._process.stdin.flush()
    answer = self._process.stdout.readline()
    if not answer:
      raise RuntimeError(f'a worker has ended with exit code {self._process.wait()}.')
    return json.loads(answer)

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self._process.stdin.close()
    self._process.wait()


def serve(**answers: Callable):
  """The worker's side: answers questions until there are no more. What libraries print goes to stderr."""
  out = os.fdopen(os.dup(1), 'w')
  os.dup2(2, 1)
  for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(answers[question.pop('do')](**question)), file=out, flush=True)


def peak_memory() -> float:
  """The most that this process has held so far, in MiB."""
  import resource

  most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return most / 2**20 if sys.platform == 'darwin' else most / 2**10  # bytes there, KiB elsewhere


def seconds_per_call(
  call: Callable[[], None], seconds: float, wait: Callable[[], None] = lambda: None
) -> float:
  """Calls for about so many seconds, twice at least; `wait` ends what is still on its way."""
  calls, start = 0, time.perf_counter()
  while calls < 2 or time.perf_counter() - start < seconds:
    call()
    calls += 1
  wait()
  return (time.perf_counter() - start) / calls
