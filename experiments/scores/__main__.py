"""Trains score models of one set of images and measures them alike: bits per dimension, Fréchet distance, cost.

    python -m experiments.scores
    python -m experiments.scores --name=mnist --configs=ncsn_mnist,ddpm_mnist,edm_mnist,flow_matching_mnist

Writes `<name>.jsonl`, `<name>.md` and `<name>.png`, samples of all, and the curves of each run to `--out`; the runs are
in `--runs`. A row that is there is not made again, and a run goes on where it was, so that after a kill the same
command goes on.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import jax

from experiments import arguments, row_by_row
from experiments.scores.report import table, wall
from jaxgen import config_files, experiment, files, process, show
from jaxgen.evaluate import measure_run, reference_of
from jaxgen.settings import score_slots

HERE = Path(__file__).parent
DIGITS = ('flow_matching_digits', 'ddpm_digits', 'ncsn_digits', 'edm_digits')
METRICS = ('bits_per_dim', 'frechet_distance', 'frechet_to_splits', 'precision_recall')


def main() -> None:
  """Trains, measures and writes."""
  asked = _arguments()
  process.set_up()
  path = asked.out / f'{asked.name}.jsonl'
  for name in asked.configs:
    if name not in [each['config'] for each in row_by_row.read(path)]:
      row_by_row.append(path, row(name, asked.runs / name, asked.samples, asked.held_out))
      shutil.copy(asked.runs / name / 'curves.png', asked.out / f'{name}_curves.png')
  rows = row_by_row.read(path)
  files.write_text(asked.out / f'{asked.name}.md', table(rows, asked.name))
  there = [asked.runs / each['config'] for each in rows if (asked.runs / each['config']).is_dir()]
  if there:
    show.save_png(wall(there), asked.out / f'{asked.name}.png')


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.scores',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  known = arguments.several(config_files.names())
  parser.add_argument('--configs', type=known, default=DIGITS, help='of one set of images')
  parser.add_argument('--name', default='digits', help='of the files')
  parser.add_argument(
    '--samples',
    type=arguments.number,
    default=0,
    help='0: as many as there are training images, at most 10,000',
  )
  parser.add_argument(
    '--held_out', type=arguments.number, default=0, help='test images of a likelihood; 0: all'
  )
  parser.add_argument('--runs', type=Path, default=Path('runs'))
  parser.add_argument('--out', type=Path, default=HERE)
  return parser.parse_args()


def row(name: str, workdir: Path, samples: int = 0, held_out: int = 0) -> dict[str, Any]:
  """One run: what it cost, see `row_by_row.train_by_command`, and what it reached."""
  _, minutes = row_by_row.train_by_command(name, workdir)
  return {'config': name, 'cpu_minutes': minutes, **reached(name, workdir, samples, held_out)}


def reached(name: str, workdir: Path, samples: int = 0, held_out: int = 0) -> dict[str, Any]:
  """What a trained run is and what it reached, by the likelihood and the sampler that its config has now."""
  trained = experiment.load(workdir, config_files.load(name))
  trained.config.evaluation.update(metrics=METRICS, num_samples=samples, num_held_out=held_out)
  records = measure_run(trained, reference_of(trained.config), workdir)
  way = score_slots.way(trained.config, score_slots.path(trained.config))
  return {
    'seed': trained.config.seed,
    'steps': int(trained.state.step),
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(trained.state.params)),
    'objective': trained.model.objective,
    'sampler': way.description,
    'evaluations': way.evaluations,
    'metrics': {record.metric: record.value for record in records},
    'samples': samples,
    'held_out': held_out,
    'estimate': trained.model.log_prob_estimate._asdict(),
    'errors': {each.metric: each.standard_error for each in records if each.standard_error is not None},
    'protocols': {
      each.metric: f'{each.n_generated:,} samples with {each.n_reference:,} examples of {each.split}, by '
      f'{each.features}'
      for each in records
    },
    'versions': dict(records[0].versions),
  }


if __name__ == '__main__':
  arguments.run(main)
