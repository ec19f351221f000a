"""Times the alternating step of adversarial networks at 32x32 against the same networks in PyTorch, taking turns.

python -m experiments.speed.gans                                  rows that results/gans.json does not hold yet
python -m experiments.speed.gans --again                          everything
python -m experiments.speed.gans --models=dcgan
python -m experiments.speed.gans --torch-python=/path/to/python   where torch is not in this interpreter

Tables go to experiments/speed/results/gans.json and .md; a row is written as soon as it is measured. The times mean
something only on a machine that does nothing else.
"""

import contextlib
import sys
import tempfile

from experiments import arguments
from experiments.speed import taking_turns
from experiments.speed.gans.cases import CASES, settings
from experiments.speed.gans.table import results
from experiments.speed.worker import Worker

JAX, TORCH = 'experiments.speed.jax_side', 'experiments.speed.gans.torch_side'


def main():
  """Measures what the command line names and is not there yet."""
  parser = taking_turns.parser(__doc__, CASES)
  parser.add_argument('--torch-python', default=sys.executable)
  parser.add_argument('--again', action='store_true', help='measure what was measured before too')
  options = parser.parse_args()
  taking_turns.fill(results(), lambda name: compare(name, options), options)


def compare(name, options) -> dict:
  """One row: three sides, a process each, of which one works at a time."""
  config = settings(CASES[name])
  build = dict(do='build', config=config.to_dict(), twin=CASES[name].twin)
  with tempfile.TemporaryDirectory() as cache, contextlib.ExitStack() as stack:
    side = lambda *made: stack.enter_context(Worker(*made))  # noqa: E731
    sides = {'jaxgen': side(sys.executable, JAX, {'JAX_COMPILATION_CACHE_DIR': cache})}
    built = {'jaxgen': sides['jaxgen'].ask(**build)}
    for compiled in (False, True):
      label = 'torch, compiled' if compiled else 'torch'
      layout = built['torch']['layout'] if compiled else ''
      sides[label] = side(options.torch_python, TORCH, {'TORCHINDUCTOR_CACHE_DIR': cache})
      built[label] = sides[label].ask(compiled=compiled, layout=layout, **build)
    parameters = {label: answer['parameters'] for label, answer in built.items()}
    assert len(set(parameters.values())) == 1, f'{name}: not the same networks: {parameters}'
    return {
      'batch_size': config.batch_size,
      'parameters': parameters['jaxgen'],
      'layout': built['torch']['layout'],
      'versions': {label: each.ask(do='versions') for label, each in sides.items()},
      'train': taking_turns.turns(sides, options, do='train'),
      'memory': {label: each.ask(do='memory')['memory'] for label, each in sides.items()},
      'first_step': {label: answer['first_step'] for label, answer in built.items()},
    }


if __name__ == '__main__':
  arguments.run(main)
