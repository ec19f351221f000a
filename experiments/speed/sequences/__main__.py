"""Times how sequences are drawn: against their length, against the naive way, and against PyTorch.

python -m experiments.speed.sequences                                  everything
python -m experiments.speed.sequences --parts=length --lengths=256,512,1024
python -m experiments.speed.sequences --torch-python=/path/to/python   where torch, or transformers, is not in this one

Tables and the picture go to experiments/speed/results/sequences.md, .json and .png; what is not measured this time
stays as it was. The times mean something only on a machine that does nothing else.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

from experiments import arguments
from experiments.speed.sequences.report import Results
from experiments.speed.sequences.rows import ROWS, settings
from experiments.speed.worker import Worker
from jaxgen.errors import UserError

PARTS = ('length', 'naive', 'tokens')
JAX, TORCH = 'experiments.speed.sequences.jax_side', 'experiments.speed.sequences.torch_side'
_TOKENS = 'Transformer, all before'  # whose text PyTorch draws too
_NAIVE_ENTRIES = 16


def main():
  """Measures what the command line names, and rewrites the tables after each row."""
  parser = arguments.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--parts', type=arguments.several(PARTS), default=PARTS)
  parser.add_argument('--rows', type=lambda text: tuple(text.split(';')), default=tuple(ROWS))
  parser.add_argument('--lengths', type=arguments.counts, default=(256, 512, 1024, 2048, 4096))
  parser.add_argument(
    '--at', type=arguments.count, default=1024, help='the length of the parts naive and tokens'
  )
  parser.add_argument(
    '--num', type=arguments.count, default=8, help='examples drawn together against the length'
  )
  parser.add_argument('--rounds', type=arguments.count, default=3, help='the median counts')
  parser.add_argument('--seconds', type=float, default=0.5, help='that a round takes, at least')
  parser.add_argument('--torch-python', default=sys.executable)
  parser.add_argument('--out', type=Path, default=None, help='where results go; by default beside the others')
  options = parser.parse_args()
  if strange := [name for name in options.rows if name not in ROWS]:
    raise UserError(f'--rows names "{strange[0]}"; there are, with semicolons between: {"; ".join(ROWS)}.')
  results = Results(options.out) if options.out else Results()
  with tempfile.TemporaryDirectory() as folder:
    environment = {'JAX_COMPILATION_CACHE_DIR': f'{folder}/cache'}
    for name in options.rows if 'length' in options.parts else ():
      results.add('length', name, against_length(name, options, environment))
    for name in options.rows if 'naive' in options.parts else ():
      if settings(ROWS[name], options.at):
        results.add('naive', name, against_naive(name, options, environment))
    if 'tokens' in options.parts:
      results.add('tokens', _TOKENS, against_others(options, environment, Path(folder) / 'weights.npz'))
  print(results.text())


def against_length(name, options, environment) -> dict:
  """One row: seconds by length, medians."""
  row: dict = {'num': options.num, 'seconds': {}}
  with Worker(sys.executable, JAX, environment) as side:
    row['versions'] = side.ask(do='versions')
    for length in options.lengths:
      config = settings(ROWS[name], length)
      if config is not None:
        row['parameters'] = side.ask(do='build', config=config.to_dict())['parameters']
        row['seconds'][str(length)] = _median(side, options, num=options.num)
  return row


def against_naive(name, options, environment) -> dict:
  """One row: a few entries by the whole network, all of them by what is kept."""
  config, ways = settings(ROWS[name], options.at).to_dict(), {}
  with Worker(sys.executable, JAX, environment) as side:
    for way, entries in (('kept', options.at), ('naive', _NAIVE_ENTRIES)):
      side.ask(do='build', config=config, naive=way == 'naive', entries=entries)
      ways[way] = {'seconds': _median(side, options, num=1), 'entries': entries}
  return {'length': options.at, **ways}


def against_others(options, environment, path) -> dict:
  """The ways to draw one text by the same weights, taking turns."""
  config = settings(ROWS[_TOKENS], options.at).to_dict()
  with contextlib.ExitStack() as stack:
    ours = stack.enter_context(Worker(sys.executable, JAX, environment))
    theirs = stack.enter_context(Worker(options.torch_python, TORCH))
    ours.ask(do='build', config=config)
    ours.ask(do='save', path=str(path))
    built = theirs.ask(do='build', path=str(path), model=config['model'], length=options.at)
    times: dict[str, list[float]] = {name: [] for name in ('jaxgen', *built['ways'])}
    for _ in range(options.rounds):
      for name, measured in times.items():
        way = {} if name == 'jaxgen' else {'way': name}
        side = ours if name == 'jaxgen' else theirs
        measured.append(side.ask(do='sample', num=1, seconds=options.seconds, **way)['seconds'])
    versions = {**ours.ask(do='versions'), **theirs.ask(do='versions')}
  return {
    'length': options.at,
    'num': 1,
    'seconds': {name: statistics.median(measured) for name, measured in times.items()},
    'apart': built['apart'],
    'versions': versions,
  }


def _median(side, options, **question):
  return statistics.median(
    side.ask(do='sample', seconds=options.seconds, **question)['seconds'] for _ in range(options.rounds)
  )


if __name__ == '__main__':
  arguments.run(main)
