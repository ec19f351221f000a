"""BigGAN and BigGAN-deep against autoencoders of the same blocks, and what changes when one thing is changed.

    python -m experiments.biggan_vs_vae
    python -m experiments.biggan_vs_vae --sets=digits,lfw --recipes=base,deep --seeds=1

Writes `results.jsonl`, `results.md`, `samples.png` and `curves.png` to `--out`. A row that is there is not made again,
so that after a kill the same command goes on; the runs are in `--runs`. Table and pictures are of runs of `--steps`.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments import arguments, row_by_row
from experiments.biggan_vs_vae import measures, pictures
from experiments.biggan_vs_vae.recipes import (
  BASE,
  FAMILIES,
  RECIPES,
  SETS,
  changes,
  config_of,
  folder,
  settings,
)
from experiments.biggan_vs_vae.sentences import DECIDING
from experiments.biggan_vs_vae.table import table
from jaxgen import experiment, files, process
from jaxgen.runs import failure
from jaxgen.versions import versions

HERE = Path(__file__).parent
STEPS = 600


def main() -> None:
  """Trains, measures and writes."""
  asked = _arguments()
  process.set_up()
  for name in asked.sets:
    for recipe in asked.recipes:
      for family in asked.families:
        if changes(family, recipe) is None:
          continue
        for seed in range(asked.seeds):  # innermost: another seed is the same program
          if not _done(asked.out, _identified(name, family, recipe, seed, asked.steps)):
            _write(asked.out, _row(asked, name, family, recipe, seed))
    if not _done(asked.out, _identified(name, 'data')):
      _write(asked.out, _row_of_data(asked, name))
    _conclude(asked)


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.biggan_vs_vae',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    '--recipes', type=arguments.several(RECIPES), default=tuple(RECIPES), help=f'of {", ".join(RECIPES)}'
  )
  parser.add_argument(
    '--sets', type=arguments.several(SETS), default=tuple(SETS), help=f'of {", ".join(SETS)}'
  )
  parser.add_argument(
    '--families', type=arguments.several(FAMILIES), default=FAMILIES, help=f'of {", ".join(FAMILIES)}'
  )
  parser.add_argument(
    '--seeds', type=arguments.count, default=DECIDING, help='how many, from 0; fewer decide nothing'
  )
  parser.add_argument('--steps', type=_steps, default=STEPS, help=f'of training, {STEPS} unless told')
  parser.add_argument('--runs', type=Path, default=Path('runs/biggan_vs_vae'))
  parser.add_argument('--out', type=Path, default=HERE)
  return parser.parse_args()


def _steps(text):
  (steps,) = arguments.counts(text)
  if steps % measures.MOMENTS:
    raise argparse.ArgumentTypeError(
      f'{steps} is no multiple of {measures.MOMENTS}, the moments of measuring'
    )
  return steps


def _row(asked, name, family, recipe, seed) -> dict[str, Any]:
  """One run, measured; one that does not stay finite says so, and the others go on."""
  row = _identified(name, family, recipe, seed, asked.steps)
  workdir = folder(asked.runs, row)
  config = config_of(name, family, recipe, seed)
  part = asked.steps // measures.MOMENTS
  config.num_steps = config.eval_every = asked.steps
  config.sample_every, config.checkpoint_every, config.keep_checkpoints = 0, part, 0
  config.steps_per_dispatch = math.gcd(
    config.steps_per_dispatch, part
  )  # so that a dispatch ends at each moment
  row |= {'versions': versions()}
  cpu = time.process_time()
  try:
    row_by_row.train_quietly(config, workdir)
  except failure.Diverged as error:
    return row | {'failure': str(error).partition(';')[0]}
  cpu = (time.process_time() - cpu) / 60
  tools = measures.instruments(name)
  found, x = measures.of_run(workdir, tools)
  _keep(workdir, x, tools)
  parameters = sum(leaf.size for leaf in jax.tree.leaves(experiment.load(workdir).state.params))
  return row | {'parameters': parameters, 'cpu_minutes': cpu, **found}


def _row_of_data(asked, name):
  tools = measures.instruments(name)
  row = _identified(name, 'data')
  workdir = folder(asked.runs, row)
  found = measures.of_data(tools, workdir / '.evaluation')
  _keep(workdir, tools.reference.test.examples(np.arange(pictures.TILES))['x'], tools)
  row |= {'versions': versions(), 'examples': len(tools.reference.test)}
  return row | {'metrics': found, 'features': tools.features.name}


def _keep(workdir, x, tools):
  """What the picture shows."""
  workdir.mkdir(parents=True, exist_ok=True)
  np.savez(workdir / 'drawn.npz', x=x[: pictures.TILES], levels=tools.reference.x.levels)


def _identified(name, family, recipe='', seed=0, steps=None):
  """What a row is of, as JSON has it; of data there is nothing to train."""
  row = {'set': name, 'family': family, 'recipe': recipe, 'seed': seed}
  if family in FAMILIES:
    row |= {'steps': steps, 'config': BASE[family][0], 'settings': settings(name, family, recipe)}
  return json.loads(json.dumps(row))


def _rows(out):
  return row_by_row.read(out / 'results.jsonl')


def _done(out, identity):
  return any(_is(row, identity) for row in _rows(out))


def _is(row, identity):
  return all(row.get(key) == value for key, value in identity.items())


def _write(out, row):
  row_by_row.append(out / 'results.jsonl', row)
  found = row.get('failure') or ', '.join(f'{key} {value:.3g}' for key, value in row['metrics'].items())
  print(f'{row["set"]:8} {row["family"]:5} {row["recipe"]:24} seed {row["seed"]}  {found}', flush=True)


def _conclude(asked):
  """The table and the pictures of the rows of this length whose recipes are still those that are compared."""
  rows = [row for row in _rows(asked.out) if row['recipe'] in ('', *RECIPES)]
  rows = [row for row in rows if _is(row, _again(row, asked.steps))]
  files.write_text(asked.out / 'results.md', table(rows))
  pictures.curves(rows, asked.out / 'curves.png')
  pictures.wall(rows, asked.runs, asked.out / 'samples.png')


def _again(row, steps):
  return _identified(row['set'], row['family'], row['recipe'], row['seed'], steps)


if __name__ == '__main__':
  arguments.run(main)
