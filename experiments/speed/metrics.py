"""Times the metrics: Inception features and neighbours against PyTorch, the Fréchet distance against scipy.

python -m experiments.speed.metrics                               everything
python -m experiments.speed.metrics --torch-python=/path/to/python   where torch is not in this interpreter
python -m experiments.speed.metrics --parts=frechet,memory

The table goes to experiments/speed/results/metrics-jax-<version>.md. Sides take turns within a run; medians
count. The times mean something only on a machine that does nothing else.
"""

import argparse
import functools
import importlib.metadata
import statistics
import sys
import time

import numpy as np
import scipy.linalg

from experiments import arguments
from experiments.speed import table
from experiments.speed.worker import Worker
from jaxgen.metrics.frechet import frechet_distance

JAX, TORCH = 'experiments.speed.metrics_jax', 'experiments.speed.metrics_torch'
DIMS = 2048


def main():
  """Measures what the command line names, and writes the table."""
  parser = arguments.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--parts', type=arguments.several(PARTS), default=tuple(PARTS))
  parser.add_argument('--rounds', type=arguments.count, default=5, help='turns of each side')
  parser.add_argument('--batch', type=arguments.count, default=16, help='images at a time')
  parser.add_argument('--samples', type=arguments.count, default=10_000, help='on each side, for neighbours')
  parser.add_argument('--torch-python', default=sys.executable)
  options = parser.parse_args()
  lines = ['| | jaxgen | other | ratio |', '|---|---:|---:|---:|']
  for part in options.parts:
    for row in PARTS[part](options):
      lines.append('| ' + ' | '.join(row) + ' |')
      print(lines[-1], flush=True)
  version = '.'.join(importlib.metadata.version('jax').split('.')[:2])
  path = table.FOLDER / f'metrics-jax-{version}.md'
  path.parent.mkdir(exist_ok=True)
  path.write_text('\n'.join(['## Metrics', '', *lines, '', note(options), '']))
  print(path)


def note(options) -> str:
  """What the table was measured with."""
  versions = ', '.join(f'{name} {importlib.metadata.version(name)}' for name in ('jax', 'numpy', 'scipy'))
  return (
    f'{versions}, torch 2.13 (channels last); {table.machine()}. Medians of {options.rounds} turns, in seconds. '
    'Ratios are jaxgen to the other side.'
  )


def inception(options):
  """Features of a batch of images: the network alone, and from 32x32 pixels of 8 bits."""
  with Worker(sys.executable, JAX) as ours, Worker(options.torch_python, TORCH) as theirs:
    for side in (ours, theirs):
      side.ask(do='build', batch=options.batch)
    for kind, title in (('network', '299x299, float'), ('pipeline', '32x32, 8 bits, resized')):
      times = _turns(options.rounds, *(functools.partial(side.ask, do=kind) for side in (ours, theirs)))
      images = f'{options.batch / times[0]:.1f} and {options.batch / times[1]:.1f} images/s'
      yield _row(f'Inception features of {options.batch} images ({title}); {images}', times)


def frechet(options):
  """The Fréchet distance from finished statistics, against the matrix square root."""
  rng = np.random.default_rng(0)
  spectrum = np.logspace(0, -2, DIMS)
  statistics_ = []
  for _ in range(2):
    x = rng.normal(size=(2 * DIMS, DIMS)) @ (rng.normal(size=(DIMS, DIMS)) * spectrum)
    statistics_ += [x.mean(0), np.cov(x, rowvar=False)]
  values = {}

  def ours():
    values['ours'] = frechet_distance(*statistics_)

  def theirs():
    mean1, cov1, mean2, cov2 = statistics_
    root = scipy.linalg.sqrtm(cov1 @ cov2)
    values['theirs'] = np.sum((mean1 - mean2) ** 2) + np.trace(cov1 + cov2 - 2 * root.real)

  times = _turns(min(options.rounds, 3), _timed(ours), _timed(theirs))
  apart = abs(values['ours'] - values['theirs']) / values['theirs']
  yield _row(f'Fréchet distance, {DIMS} dimensions, against scipy sqrtm (values {apart:.0e} apart)', times)


def neighbours(options):
  """Precision and recall of as many samples as `options.samples` on each side."""
  with Worker(sys.executable, JAX) as ours, Worker(options.torch_python, TORCH) as theirs:
    answers = []
    sides = [
      lambda side=side: side.ask(do='neighbours', num=options.samples, dims=DIMS) for side in (ours, theirs)
    ]
    times = _turns(min(options.rounds, 3), *(lambda side=side: _keep(answers, side()) for side in sides))
    alike = np.allclose(answers[0]['value'], answers[1]['value'], atol=1e-3)
    title = f'precision and recall, {options.samples:,} x {options.samples:,} x {DIMS}'
    yield _row(f'{title}, against PyTorch cdist ({"equal" if alike else "NOT EQUAL"} values)', times)


def memory(options):
  """The most memory that a process takes for 50,000 x 2,048 on each side, features included."""
  with Worker(sys.executable, JAX) as ours:
    answer = ours.ask(do='neighbours', num=5 * options.samples, dims=DIMS)
  yield (
    f'precision and recall, {5 * options.samples:,} x {5 * options.samples:,} x {DIMS}: '
    f'{answer["peak"] / 2**30:.2f} GiB at most',
    f'{answer["seconds"]:.0f}',
    '',
    '',
  )


PARTS = {'inception': inception, 'frechet': frechet, 'neighbours': neighbours, 'memory': memory}


def _turns(rounds, *sides):
  times = [[side()['seconds'] for side in sides] for _ in range(rounds)]
  return [statistics.median(side) for side in zip(*times, strict=True)]


def _timed(call):
  def run():
    start = time.perf_counter()
    call()
    return {'seconds': time.perf_counter() - start}

  return run


def _keep(answers, answer):
  answers.append(answer)
  return answer


def _row(title, times):
  return title, f'{times[0]:.3g}', f'{times[1]:.3g}', f'**{times[0] / times[1]:.2f}**'


if __name__ == '__main__':
  arguments.run(main)
