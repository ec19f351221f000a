"""Times jaxgen against the same models in PyTorch, in one run, taking turns.

python -m experiments.speed                                       everything, on this interpreter's jax
python -m experiments.speed --models=vae_digits,gan_digits
python -m experiments.speed --torch-python=/path/to/python        where torch is not in this interpreter
python -m experiments.speed --parts=first_step,run                without the models
python -m experiments.speed --parts=waiting --rounds=3            all that comes before the first step of a run

Tables go to experiments/speed/results/jax-<version>-<processor>.md and .json; what is not measured this time stays
as it was. The times mean something only on a machine that does nothing else.
"""

import contextlib
import importlib.metadata
import sys
import tempfile

from experiments import arguments
from experiments.speed import first_step, run, table, taking_turns
from experiments.speed.cases import CASES, settings
from experiments.speed.worker import Worker

PARTS, MODELS = (
  ('models', 'first_step', 'waiting', 'run'),
  tuple(dict.fromkeys([*CASES, *first_step.FAMILIES])),
)
JAX, TORCH = 'experiments.speed.jax_side', 'experiments.speed.torch_side'


def main():
  """Measures what the command line names, and rewrites the table after each row."""
  parser = taking_turns.parser(__doc__, MODELS)
  parser.add_argument('--parts', type=arguments.several(PARTS), default=PARTS)
  parser.add_argument('--torch-python', default=sys.executable)
  options = parser.parse_args()
  results = table.Results('.'.join(importlib.metadata.version('jax').split('.')[:2]))
  parts, names = options.parts, options.models
  for name in (name for name in names if name in CASES) if 'models' in parts else ():
    results.add('models', name, compare(CASES[name], options))
  if 'first_step' in parts:
    results.add('first_step', 'glow_cifar', first_step.measure(options.rounds))
  if 'waiting' in parts:
    for name in first_step.there_are(names):
      results.add('waiting', name, first_step.waiting(name, options.rounds))
  if 'run' in parts:
    for name in (name for name in run.CONFIGS if name in names):
      results.add('run', name, run.measure(name, options.rounds))
  print(results.text())


def compare(case, options):
  """One row: medians of a training step and of sampling on all sides, and times to the first step."""
  config = settings(case).to_dict()
  build = dict(do='build', config=config, twin=case.twin)
  with tempfile.TemporaryDirectory() as cache:
    environment = {'JAX_COMPILATION_CACHE_DIR': cache, 'TORCHINDUCTOR_CACHE_DIR': cache}
    with contextlib.ExitStack() as stack:
      sides, built = _built(case, build, options, environment, stack)
      parameters = {name: answer['parameters'] for name, answer in built.items()}
      assert len(set(parameters.values())) == 1, f'{case.name}: not the same model: {parameters}'
      row = {'versions': {name: side.ask(do='versions') for name, side in sides.items()}}
      row |= {'parameters': parameters['jaxgen'], 'layout': built['torch']['layout']}
      row['first_step'] = {name: answer['first_step'] for name, answer in built.items()}
      row['train'] = taking_turns.turns(sides, options, do='train')
      row['sample'] = taking_turns.turns(sides, options, do='sample', num=case.num_samples)
      row['sample']['num'] = case.num_samples
    with Worker(sys.executable, JAX, environment) as ours:
      row['first_step']['jaxgen, cached'] = ours.ask(**build)['first_step']
  return row


def _built(case, build, options, environment, stack):
  """The sides, a process each, and what they say of their models; compiled in the layout that was faster eagerly."""
  sides = {'jaxgen': stack.enter_context(Worker(sys.executable, JAX, environment))}
  built = {'jaxgen': sides['jaxgen'].ask(**build)}
  for name in ('torch', 'torch, compiled') if case.compiled else ('torch',):
    compiled = {'compiled': True, 'layout': built['torch']['layout']} if 'torch' in built else {}
    sides[name] = stack.enter_context(Worker(options.torch_python, TORCH, environment))
    built[name] = sides[name].ask(**build, **compiled)
  return sides, built


if __name__ == '__main__':
  arguments.run(main)
