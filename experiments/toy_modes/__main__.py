"""Which recipes of an adversarial network find all modes of a mixture, and how good their samples are.

    python -m experiments.toy_modes
    python -m experiments.toy_modes --recipes=gan_toy,hinge --sets=toy:grid_25 --seeds=1

Writes `results.jsonl`, `results.md` and `samples.png` to `--out`. A row that is there is not made again, so that
after a kill the same command goes on; the runs are in `--runs`.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from experiments import arguments, row_by_row
from experiments.toy_modes import pictures
from experiments.toy_modes.recipes import RECIPES, SETS
from experiments.toy_modes.table import SEEDS, table
from jaxgen import config_files, data, experiment, files, process
from jaxgen.errors import UserError
from jaxgen.metrics.modes import mixture_modes
from jaxgen.uses.samples import sampler
from jaxgen.versions import versions

HERE = Path(__file__).parent
SAMPLES = 2500


def main() -> None:
  """Trains, measures and writes."""
  asked = _arguments()
  process.set_up()
  for seed in range(asked.seeds):
    for name in asked.sets:
      for recipe in asked.recipes:
        if not _done(asked.out, recipe, name, seed):
          _write(asked.out, _row(asked, recipe, name, seed))
  _conclude(asked.out, asked.runs)


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.toy_modes',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    '--recipes', type=arguments.several(RECIPES), default=tuple(RECIPES), help=f'of {", ".join(RECIPES)}'
  )
  parser.add_argument('--sets', type=arguments.several(SETS), default=SETS, help=f'of {", ".join(SETS)}')
  parser.add_argument('--seeds', type=arguments.count, default=SEEDS, help='how many, from 0')
  parser.add_argument(
    '--steps', type=arguments.number, default=0, help='train for so many instead: a quick look'
  )
  parser.add_argument('--runs', type=Path, default=Path('runs/toy_modes'))
  parser.add_argument('--out', type=Path, default=HERE)
  return parser.parse_args()


def _row(asked, recipe, name, seed) -> dict[str, Any]:
  """One run, measured with averaged weights; one that does not come to its end says why, and the others go on."""
  workdir = _workdir(asked.runs, recipe, name, seed)
  config = config_files.load('gan_toy')
  config.update_from_flattened_dict(RECIPES[recipe] | {'data.name': name, 'seed': seed})
  config.num_steps = asked.steps or config.num_steps
  config.eval_every = config.sample_every = 0  # nothing but training takes time
  row = {'recipe': recipe, 'set': name, 'seed': seed, 'steps': config.num_steps, 'versions': versions()}
  cpu = time.process_time()
  try:
    row_by_row.train_quietly(config, workdir)
  except UserError as error:
    return row | {'failure': str(error).partition(';')[0]}
  cpu = (time.process_time() - cpu) / 60
  trained = experiment.load(workdir)
  x = sampler(trained.model, SAMPLES, seed)(*trained.weights()['averaged'])
  np.savez(workdir / 'drawn.npz', x=x)
  density = data.known_density(trained.config.data)
  modes = mixture_modes(x, density.modes, density.mode_std)
  return row | {
    'covered': modes.covered,
    'total': modes.total,
    'close': modes.close,
    'rarest': float(modes.share.min()) * modes.total,
    'cpu_minutes': cpu,
  }


def _workdir(runs, recipe, name, seed):
  return runs / name.replace(':', '_') / recipe / str(seed)


def _rows(out):
  return row_by_row.read(out / 'results.jsonl')


def _identity(row):
  return row['recipe'], row['set'], row['seed']


def _done(out, *identity):
  return identity in map(_identity, _rows(out))


def _write(out, row):
  row_by_row.append(out / 'results.jsonl', row)
  found = (
    f'{row["covered"]} of {row["total"]} modes, {row["close"]:.1%} close'
    if 'close' in row
    else row['failure']
  )
  print(f'{row["set"]:20} {row["recipe"]:24} seed {row["seed"]}  {found}', flush=True)


def _conclude(out, runs):
  """The table and the picture, in the order of `RECIPES`, of all rows that there are."""
  order = {name: place for place, name in enumerate([*RECIPES, *SETS])}
  known = [row for row in _rows(out) if row['recipe'] in RECIPES]
  rows = sorted(known, key=lambda row: (order[row['set']], order[row['recipe']], row['seed']))
  files.write_text(out / 'results.md', table(rows))
  drawn: dict[str, dict[str, np.ndarray]] = {}
  for row in rows:
    path = _workdir(runs, *_identity(row)) / 'drawn.npz'
    if row['seed'] == 0 and path.is_file():
      with np.load(path) as found:
        drawn.setdefault(row['set'], {})[row['recipe']] = found['x']
  if drawn:
    pictures.wall(drawn, out / 'samples.png')


if __name__ == '__main__':
  arguments.run(main)
