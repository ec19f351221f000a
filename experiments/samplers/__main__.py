"""Compares the ways from noise to samples of one trained score model: quality against evaluations of the network.

    python -m experiments.samplers
    python -m experiments.samplers --samplers=heun,dpm_solver --samples=200 --out=/tmp/look

Trains `configs/ncsn_digits.py` into `runs/ncsn_digits` where that has not been done, draws as many samples as the
training set has examples in each way, and writes `results.jsonl`, `results.md` and `curves.png` to `--out`. A row that
is there is not made again, so that after a kill the same command goes on.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments import arguments, row_by_row
from experiments.samplers.report import curves, table
from jaxgen import experiment, files, process
from jaxgen.evaluate import measure_run, reference_of
from jaxgen.families.score import WAYS
from jaxgen.settings import score_slots
from jaxgen.uses.samples import sampler

HERE = Path(__file__).parent
NAME = 'ncsn_digits'
METRICS = ('frechet_distance', 'precision_recall')
TIMED, TIMES = 64, 5  # samples of a batch whose seconds are taken, and how often
# (name, settings): each is set against the others at about the same numbers of evaluations
CASES = (
  *(('annealed', dict(steps_per_level=steps)) for steps in (1, 2, 5)),
  ('annealed', dict(steps_per_level=5, step_size=0.00119)),  # the step that looks at a point alone
  *(('ncsnv2', dict(steps_per_level=steps)) for steps in (1, 5)),
  *((name, dict(num_steps=100)) for name in ('langevin', 'underdamped')),  # at the smallest noise alone
  *(('predictor_corrector', dict(num_steps=steps)) for steps in (10, 20, 50)),
  *(('predictor_corrector', dict(num_steps=steps, corrector_steps=0)) for steps in (20, 100)),
  *((name, dict(num_steps=steps)) for name in ('euler_maruyama', 'ddpm') for steps in (10, 20, 40, 100)),
  *((name, dict(num_steps=steps)) for name in ('ddim', 'euler', 'dpm_solver') for steps in (5, 10, 20, 40)),
  *(('dpm_solver', dict(num_steps=steps, rho=7.0)) for steps in (5, 10, 20)),
  *((name, dict(num_steps=steps)) for name in ('heun', 'edm') for steps in (3, 5, 8, 10, 18, 35)),
  *(('heun', dict(num_steps=10, rho=rho)) for rho in (3.0, 5.0, 10.0)),
  ('edm', dict(num_steps=18, churn=5.0, churn_max=8.0)),
)


def main() -> None:
  """Trains, samples and writes."""
  asked = _arguments()
  process.set_up()
  subprocess.run(
    [sys.executable, '-m', 'jaxgen.main', f'--config=configs/{NAME}.py', f'--workdir={asked.runs / NAME}'],
    check=True,
  )
  trained = experiment.load(asked.runs / NAME)
  reference, rows = reference_of(trained.config), asked.out / 'results.jsonl'
  for name, settings in CASES:
    done = [(each['sampler'], each['settings'], each['asked']) for each in row_by_row.read(rows)]
    if name in asked.samplers and (name, settings, asked.samples) not in done:
      found = row(trained, reference, asked.runs / NAME, name, settings, asked.samples)
      row_by_row.append(rows, found)
      print(f'{name:20} {found["evaluations"]:4} {found["metrics"]["frechet_distance"]:.3f}', flush=True)
  files.write_text(asked.out / 'results.md', table(row_by_row.read(rows), NAME))
  curves(row_by_row.read(rows), asked.out / 'curves.png')


def _arguments():
  parser = arguments.Parser(
    prog='python -m experiments.samplers',
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument('--runs', type=Path, default=Path('runs'))
  parser.add_argument('--out', type=Path, default=HERE)
  parser.add_argument('--samplers', type=arguments.several(WAYS), default=tuple(WAYS))
  parser.add_argument(
    '--samples', type=arguments.number, default=0, help='of each way; 0: as many as training examples'
  )
  return parser.parse_args()


def row(
  trained: experiment.Trained, reference: Any, workdir: Path, name: str, settings: dict, samples: int
) -> dict[str, Any]:
  """One way: what it costs, and what its samples are worth beside the training split."""
  config = ConfigDict(trained.config.to_dict())
  config.sampler.name = name
  config.sampler[name].update(settings)
  config.evaluation.update(dict(metrics=METRICS, split='train', num_samples=samples))
  trained = trained._replace(config=config, model=experiment.build_model(config))
  records = measure_run(trained, reference, workdir)
  return {
    'sampler': name,
    'settings': settings,
    'asked': samples,
    'evaluations': score_slots.way(config, score_slots.path(config)).evaluations,
    'seconds': seconds(trained),
    'metrics': {record.metric: record.value for record in records},
    'protocol': f'{records[0].n_generated:,} samples with {records[0].n_reference:,} examples of {records[0].split}, '
    f'by {records[0].features}',
    'versions': dict(records[0].versions),
  }


def seconds(trained: experiment.Trained) -> float:
  """What a batch of 64 samples takes once the program is compiled: the median of five."""
  weights = list(trained.weights().values())[-1]
  draw, took = sampler(trained.model, TIMED), []
  draw(*weights)
  for _ in range(TIMES):
    start = time.perf_counter()
    draw(*weights)
    took.append(time.perf_counter() - start)
  return float(np.median(took))


if __name__ == '__main__':
  arguments.run(main)
