"""Other projects' best flows: a process each, by an interpreter that has them.

The parent names a peer, a budget and a file of points; the worker builds the peer's neural spline flow with as many
parameters, trains it by maximum likelihood and writes what it says of the points.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PEERS = {
  'nflows': 'torch',
  'zuko': 'torch',
  'normflows': 'torch',
  'distrax': 'jax',
  'flowjax': 'jax',
}
LAYERS, BINS, BOUND, BATCH, RATE = 5, 8, 3.0, 256, 1e-3


class Job(NamedTuple):
  """What a worker is asked for.

  Attributes:
    peer: of `PEERS`.
    parameters: to have as nearly as the width of its networks allows.
    seconds: of training, without compilation; the learning rate falls to zero until then.
    steps: where not 0, training ends after so many instead.
    seed: of weights and batches.
    points: the file with `train`, `test` and `grid`.
    out: the file for `log_prob` and `on_grid`; what was found goes beside it as JSON.
  """

  peer: str
  parameters: int
  seconds: float
  steps: int
  seed: int
  points: str
  out: str


class Missing(Exception):
  """The peer cannot be imported; why."""


def run(job: Job, python: str) -> dict[str, Any]:
  """Has a worker do it; returns 'parameters', 'steps', 'seconds', 'cpu_minutes', 'versions'.

  Raises:
    Missing: if the peer cannot be imported there.
    RuntimeError: if it fails otherwise.
  """
  command = [python, '-m', __name__, json.dumps(job._asdict())]
  done = subprocess.run(command, capture_output=True, text=True)
  last = (done.stderr.strip().splitlines() or [''])[-1]
  if 'ImportError' in last or 'ModuleNotFoundError' in last or 'AttributeError' in last:
    raise Missing(last)
  if done.returncode:
    raise RuntimeError(f'{job.peer} failed: {last}')
  return json.loads(Path(job.out).with_suffix('.json').read_text())


def width_for(count: Callable[[int], int], parameters: int) -> int:
  """The width of hidden layers whose number of parameters, `count(width)`, is nearest to that asked for."""
  low, high = 4, 1024
  while high - low > 1:
    middle = (low + high) // 2
    low, high = (middle, high) if count(middle) <= parameters else (low, middle)
  return min(low, high, key=lambda width: abs(count(width) - parameters))


def learning_rate(fraction: float, step: int) -> float:
  """100 steps of warm-up, then a cosine that ends with the budget, of which `fraction` is spent."""
  return RATE * min(1.0, (step + 1) / 100) * (1 + np.cos(np.pi * min(fraction, 1.0))) / 2


def _main():
  job = Job(**json.loads(sys.argv[1]))
  if PEERS[job.peer] == 'torch':
    from experiments.toy_densities import peers_torch as side
  else:
    from experiments.toy_densities import peers_jax as side
  with np.load(job.points) as file:
    points = dict(file)
  # Standardized, as everybody has it: the density of the points is that of their standard scores by their scales.
  mean, std = points['train'].mean(0), points['train'].std(0)
  scores = {name: ((x - mean) / std).astype(np.float32) for name, x in points.items()}
  log_prob, about = side.fit(job, scores['train'])
  shift = np.log(std.astype(np.float64)).sum()
  np.savez(job.out, log_prob=log_prob(scores['test']) - shift, on_grid=log_prob(scores['grid']) - shift)
  Path(job.out).with_suffix('.json').write_text(json.dumps(about))


if __name__ == '__main__':
  _main()
