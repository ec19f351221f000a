"""Times flows against nflows, zuko and normflows (PyTorch), flowjax and distrax (JAX), in one run, taking turns.

pip install -e '.[peers]'
python -m experiments.speed.flows                       what experiments/speed/results/flows.json does not hold yet
python -m experiments.speed.flows --again               everything
python -m experiments.speed.flows --flows=spline --batches=1,64
python -m experiments.speed.flows --parts=depth         the time to the first step, scanned and unrolled

Tables go to experiments/speed/results/flows.json and .md; a row is written as soon as it is measured. The times mean
something only on a machine that does nothing else.
"""

import argparse
import contextlib
import statistics
import sys

from experiments import arguments
from experiments.speed.flows import depth, table
from experiments.speed.flows.sizes import BATCHES, DEPTHS, EQUAL, JAX, SIZES, TORCH
from experiments.speed.worker import Worker

PARTS = ('flows', 'depth')
JAX_SIDE, TORCH_SIDE = 'experiments.speed.flows.jax_side', 'experiments.speed.flows.torch_side'


def main():
  """Measures what the command line names and is not there yet."""
  parser = arguments.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--parts', type=arguments.several(PARTS), default=PARTS)
  parser.add_argument('--flows', type=arguments.several(SIZES), default=tuple(SIZES))
  parser.add_argument('--batches', type=arguments.counts, default=BATCHES)
  parser.add_argument('--depths', type=arguments.counts, default=DEPTHS)
  parser.add_argument(
    '--rounds', type=arguments.count, default=3, help='turns of each side; the median counts'
  )
  parser.add_argument('--seconds', type=float, default=0.3, help='that a turn takes')
  parser.add_argument(
    '--limit', type=arguments.count, default=40, help='seconds in which PyTorch may compile a function'
  )
  parser.add_argument('--again', action='store_true', help='measure what was measured before too')
  options = parser.parse_args()
  results = table.Results()
  for flow in options.flows if 'flows' in options.parts else ():
    due = [
      (what, batch)
      for what in ('gradient', 'sample')
      for batch in options.batches
      if options.again or not results.has('flows', f'{flow} {what} {batch}')
    ]
    if due:
      measure(flow, due, options, results)
  for flow in [flow for flow in options.flows if flow in depth.FLOWS] if 'depth' in options.parts else ():
    for num in options.depths:
      if options.again or not results.has('depth', f'{flow} {num}'):
        results.add('depth', f'{flow} {num}', depth.measure(flow, num))
  print(results.text())


def measure(flow, due, options, results):
  """All sides of one flow, each a process of its own: the rows that are due."""
  with contextlib.ExitStack() as stack:
    sides, built = {}, {}
    for name in JAX[flow]:
      sides[name] = stack.enter_context(Worker(sys.executable, JAX_SIDE))
      built[name] = sides[name].ask(do='build', side=name, flow=flow)
    for name in TORCH[flow]:
      for compiled in (False, True):
        full = f'{name}, compiled' if compiled else name
        sides[full] = stack.enter_context(Worker(sys.executable, TORCH_SIDE))
        built[full] = sides[full].ask(do='build', side=name, flow=flow, compiled=compiled)
    parameters = {name: answer['parameters'] for name, answer in built.items()}
    for name in EQUAL.get(flow, ()):
      assert parameters[name] == parameters['jaxgen'], f'{flow}: not as large: {parameters}'
    versions = {name: answer['version'] for name, answer in built.items()}
    late = {}  # why something did not compile; it is not tried again
    for what, batch in due:
      times = _row(sides, what, batch, options, late)
      failed = {name: why for (name, which), why in late.items() if which == what}
      row = {'seconds': times, 'parameters': parameters, 'versions': versions, 'failed': failed}
      results.add('flows', f'{flow} {what} {batch}', row)


def _row(sides, what, batch, options, late):
  """Medians of each side; None where it did not compile in time."""
  times, question = {name: [] for name in sides}, dict(do='time', what=what, batch=batch)
  for name, side in sides.items():
    if (name, what) not in late:
      limit = {'limit': options.limit} if name.endswith('compiled') else {}
      answer = side.ask(seconds=0, **question, **limit)
      if answer['seconds'] is None:
        late[name, what] = answer['why']
  for turn in range(options.rounds):
    for name in sorted(sides, reverse=bool(turn % 2)):
      if (name, what) not in late:
        times[name].append(sides[name].ask(seconds=options.seconds, **question)['seconds'])
  return {name: statistics.median(measured) if measured else None for name, measured in times.items()}


if __name__ == '__main__':
  arguments.run(main)
