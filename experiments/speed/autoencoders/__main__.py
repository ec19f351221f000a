"""Times variational autoencoders against pythae's own models, with networks as wide as pythae's, taking turns.

python -m experiments.speed.autoencoders --pythae-python=/path/to/python     rows that results/autoencoders.json lacks
python -m experiments.speed.autoencoders --models=vae,iwae_5 --again

pythae needs an interpreter of its own, `pip install pythae`, unless it is in this one. Tables go to
experiments/speed/results/autoencoders.json and .md; a row is written as soon as it is measured. The times mean
something only on a machine that does nothing else.
"""

import argparse
import sys
import tempfile

from experiments import arguments
from experiments.speed.autoencoders.cases import CASES, NUM_SAMPLES, settings
from experiments.speed.autoencoders.table import SIDES, results
from experiments.speed.table import medians
from experiments.speed.worker import Worker

JAX, PYTHAE = 'experiments.speed.jax_side', 'experiments.speed.autoencoders.pythae_side'


def main():
  """Measures what the command line names and is not there yet."""
  parser = arguments.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--models', type=arguments.several(CASES), default=tuple(CASES), help='rows')
  parser.add_argument('--rounds', type=int, default=5, help='turns of each side; the median counts')
  parser.add_argument('--seconds', type=float, default=1.0, help='that a turn takes')
  parser.add_argument('--pythae-python', default=sys.executable)
  parser.add_argument('--again', action='store_true', help='measure what was measured before too')
  options = parser.parse_args()
  rows = results()
  for name in options.models:
    if options.again or not rows.has(name):
      rows.add(name, compare(CASES[name], options))
  print(rows.text())


def compare(case, options) -> dict:
  """One row: two sides, a process each, of which one works at a time."""
  config = settings(case)
  told = dict(do='build', config=config.to_dict())
  with (
    tempfile.TemporaryDirectory() as cache,
    Worker(sys.executable, JAX, {'JAX_COMPILATION_CACHE_DIR': cache}) as ours,
    Worker(options.pythae_python, PYTHAE) as theirs,
  ):
    sides = dict(zip(SIDES, (ours, theirs), strict=True))
    built = {
      'jaxgen': ours.ask(**told),
      'pythae': theirs.ask(**told, model=case.model, settings=dict(case.settings)),
    }
    parameters = {side: answer['parameters'] for side, answer in built.items()}
    assert len(set(parameters.values())) == 1, f'{case.model}: not the same networks: {parameters}'
    return {
      'batch_size': config.batch_size,
      'steps_per_dispatch': config.steps_per_dispatch,
      'parameters': parameters['jaxgen'],
      'versions': {side: each.ask(do='versions') for side, each in sides.items()},
      'train': _turns(sides, options, do='train'),
      'sample': _turns(sides, options, do='sample', num=NUM_SAMPLES),
      'memory': {side: each.ask(do='memory')['memory'] for side, each in sides.items()},
      'first_step': {side: answer['first_step'] for side, answer in built.items()},
    }


def _turns(sides, options, **question):
  """Medians over the rounds; each round begins with the other side. The first, untimed round warms up."""
  times = {side: [] for side in sides}
  for turn in range(options.rounds + 1):
    for side in sorted(sides, reverse=bool(turn % 2)):
      answer = sides[side].ask(seconds=options.seconds if turn else 0.0, **question)
      times[side] += [answer['seconds']] if turn else []
  return medians(times)


if __name__ == '__main__':
  arguments.run(main)
