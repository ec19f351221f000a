"""Trains autoencoders of binarized MNIST and sets their bounds beside published ones; what beta trades; what K costs.

    python -m experiments.vae_mnist
    python -m experiments.vae_mnist --parts=table --longer=4
    python -m experiments.vae_mnist --parts=table --longer=8 --redrawn=100

Writes `results.jsonl`, `rate_distortion.jsonl`, `cost.jsonl`, `results.md` (all of them), `rate_distortion.png` and the
curves of each run to `--out`; the runs are in `--runs`. A row that is there is not made again, and a run goes on where
it was, so that after a kill the same command goes on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments import arguments, row_by_row
from experiments.vae_mnist import cost, rate_distortion
from experiments.vae_mnist.reached import reached
from experiments.vae_mnist.report import page
from jaxgen import config_files, files, process, show
from jaxgen.runs import writers

HERE = Path(__file__).parent
CONFIGS = ('vae_binary_mnist', 'iwae_binary_mnist', 'ladder_mnist')
PARTS = ('table', 'rate_distortion', 'cost')
_POINTS = 4  # of a curve
_FOLLOWING = ('sample_every', 'checkpoint_every')  # what a longer run does as many times as a short one


def main() -> None:
  """Trains, measures and writes."""
  asked = _arguments()
  process.set_up()
  for part in asked.parts:
    {'table': _table, 'rate_distortion': _rate_distortion, 'cost': _cost}[part](asked)
  rows = {part: row_by_row.read(path(asked.out, part)) for part in PARTS}
  rows['table'].sort(key=lambda row: (CONFIGS.index(row['config']), row['steps'], row['redrawn']))
  files.write_text(asked.out / 'results.md', page(**rows))


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.vae_mnist',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument('--parts', type=arguments.several(PARTS), default=PARTS)
  parser.add_argument('--configs', type=arguments.several(CONFIGS), default=CONFIGS, help='of the table')
  parser.add_argument(
    '--longer', type=arguments.count, default=1, help='multiplies the steps of all in the table'
  )
  parser.add_argument(
    '--redrawn', type=arguments.count, default=1, help='draws of each training image of the table'
  )
  parser.add_argument('--draws', type=arguments.count, default=200, help='K of the bound in the table')
  parser.add_argument(
    '--images', type=arguments.count, default=10_000, help='of the test split, in the table'
  )
  parser.add_argument('--runs', type=Path, default=Path('runs'))
  parser.add_argument('--out', type=Path, default=HERE)
  return parser.parse_args()


def path(out: Path, part: str) -> Path:
  """The rows of a part."""
  return out / f'{"results" if part == "table" else part}.jsonl'


def _table(asked):
  rows = path(asked.out, 'table')
  for name in asked.configs:
    run = run_name(name, asked.longer, asked.redrawn)
    if run not in [row['run'] for row in row_by_row.read(rows)]:
      options = changes(name, asked.longer, asked.redrawn)
      row_by_row.append(rows, made(name, options, asked.runs / run, asked.draws, asked.images))
      show.curves(writers.read(asked.runs / run), asked.out / f'{run}_curves.png')


def _rate_distortion(asked):
  rows = path(asked.out, 'rate_distortion')
  for beta in rate_distortion.BETAS:
    if beta not in [row['beta'] for row in row_by_row.read(rows)]:
      row_by_row.append(rows, rate_distortion.measured(beta, asked.runs))
  rate_distortion.picture(row_by_row.read(rows), asked.out / 'rate_distortion.png')


def _cost(asked):
  rows = path(asked.out, 'cost')
  for draws in cost.DRAWS:
    if draws not in [row['draws'] for row in row_by_row.read(rows)]:
      row_by_row.append(rows, cost.of_step(draws))


def run_name(name: str, longer: int, redrawn: int) -> str:
  """A run of more steps is another one from its first step on: its learning rate falls more slowly."""
  return name + (f'_{longer}_times' if longer > 1 else '') + (f'_{redrawn}_draws' if redrawn > 1 else '')


def made(name: str, changed: Sequence[str], workdir: Path, draws: int, images: int) -> dict[str, Any]:
  """One run: what it cost, see `row_by_row.train_by_command`, and what it reached."""
  command, minutes = row_by_row.train_by_command(name, workdir, changed)
  row = {'config': name, 'run': workdir.name, 'command': command, 'cpu_minutes': minutes}
  return row | reached(workdir, draws, images)


def changes(name: str, longer: int, redrawn: int = 1) -> list[str]:
  """The options of a run that is longer or of images drawn anew, and of its curve; evaluating changes no weight."""
  config = config_files.load(name)
  steps = longer * config.num_steps
  every = max(steps // _POINTS // config.steps_per_dispatch, 1) * config.steps_per_dispatch
  following = [f'--config.{key}={longer * config[key]}' for key in _FOLLOWING]
  return [
    f'--config.eval_every={every}',
    *([f'--config.num_steps={steps}', *following] if longer > 1 else []),
    *([f'--config.data.binarized_draws={redrawn}'] if redrawn > 1 else []),
  ]


if __name__ == '__main__':
  arguments.run(main)
