"""Times variational autoencoders against pythae's own models, with networks as wide as pythae's, taking turns.

python -m experiments.speed.autoencoders --pythae-python=/path/to/python     rows that results/autoencoders.json lacks
python -m experiments.speed.autoencoders --models=vae,iwae_5 --again

pythae needs an interpreter of its own, `pip install pythae`, unless it is in this one. Tables go to
experiments/speed/results/autoencoders.json and .md; a row is written as soon as it is measured. The times mean
something only on a machine that does nothing else.
"""

import sys
import tempfile

from experiments import arguments
from experiments.speed import taking_turns
from experiments.speed.autoencoders.cases import CASES, NUM_SAMPLES, settings
from experiments.speed.autoencoders.table import SIDES, results
from experiments.speed.worker import Worker

JAX, PYTHAE = 'experiments.speed.jax_side', 'experiments.speed.autoencoders.pythae_side'


def main():
  """Measures what the command line names and is not there yet."""
  parser = taking_turns.parser(__doc__, CASES, seconds=1.0)
  parser.add_argument('--pythae-python', default=sys.executable)
  parser.add_argument('--again', action='store_true', help='measure what was measured before too')
  options = parser.parse_args()
  taking_turns.fill(results(), lambda name: compare(CASES[name], options), options)


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
      'train': taking_turns.turns(sides, options, do='train'),
      'sample': taking_turns.turns(sides, options, do='sample', num=NUM_SAMPLES),
      'memory': {side: each.ask(do='memory')['memory'] for side, each in sides.items()},
      'first_step': {side: answer['first_step'] for side, answer in built.items()},
    }


if __name__ == '__main__':
  arguments.run(main)
