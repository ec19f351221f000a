"""Trains one small member of each family on the embedded digits and measures all of them alike.

    python -m experiments.digits

Runs go to `runs/<config>`; what was reached goes to this folder: `results.md`, `results.jsonl`, `samples.png` and each
run's curves. Runs that are finished are not repeated, so that after a kill the same command goes on.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from jaxgen import experiment, fields, process, show
from jaxgen.evaluate import measure_run, reference_of
from jaxgen.uses.samples import sampler

HERE = Path(__file__).parent
CONFIGS = ('vae_digits', 'gan_digits', 'glow_digits', 'pixelcnn_digits', 'ncsn_digits')
TITLES = (
  'variational autoencoder',
  'adversarial network',
  'normalizing flow',
  'autoregressive',
  'score model',
)
TILES = 36  # of a family, in samples.png
BICUBIC = Image.Resampling.BICUBIC
COLUMNS = {
  'bits_per_dim': 'bits/dim',
  'frechet_to_train': 'Fréchet to train',
  'frechet_to_test': 'Fréchet to test',
  'copied': 'copied',
  'kernel_distance': 'kernel',
  'precision': 'precision',
  'recall': 'recall',
  'coverage': 'coverage',
  'classes_covered': 'classes',
}


def main() -> None:
  """Trains, measures and writes."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--runs', type=Path, default=Path('runs'))
  runs = parser.parse_args().runs
  process.set_up()
  rows = [train_and_measure(name, runs / name) for name in CONFIGS]
  (HERE / 'results.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
  (HERE / 'results.md').write_text(table(rows))
  for name in CONFIGS:
    shutil.copy(runs / name / 'curves.png', HERE / f'{name}.png')
  show.save_png(wall([runs / name for name in CONFIGS]), HERE / 'samples.png')
  print((HERE / 'results.md').read_text())


def train_and_measure(name: str, workdir: Path) -> dict:
  """One row: what the command took, and what `jaxgen.evaluate` finds. A process of its own, as a user has it."""
  command = [sys.executable, '-m', 'jaxgen.main', f'--config=configs/{name}.py', f'--workdir={workdir}']
  took = workdir / 'seconds.json'
  if not took.exists():
    start = time.perf_counter()
    subprocess.run(command, check=True)
    took.write_text(json.dumps(time.perf_counter() - start))
  trained = experiment.load(workdir)
  records = measure_run(trained, reference_of(trained.config), workdir)
  return {
    'command': f'python -m jaxgen.main --config=configs/{name}.py',
    'name': name,
    'seed': trained.config.seed,
    'steps': int(trained.state.step),
    'seconds': json.loads(took.read_text()),
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(trained.state.params)),
    'objective': trained.model.objective,
    'metrics': {record.metric: record.value for record in records},
    'errors': {
      record.metric: record.standard_error for record in records if record.standard_error is not None
    },
    'protocol': {record.metric: _protocol(record) for record in records},
    'versions': dict(records[0].versions),
  }


def table(rows: list[dict]) -> str:
  """The rows as Markdown, with the protocol beneath."""
  head = ['config', 'steps', 'seconds', 'parameters', *COLUMNS.values()]
  lines = [' | '.join(head), ' | '.join(['---'] * len(head))]
  for row in rows:
    numbers = [_cell(row, key) for key in COLUMNS]
    lines.append(
      ' | '.join(
        [f'`{row["name"]}`', f'{row["steps"]:,}', f'{row["seconds"]:.0f}', f'{row["parameters"]:,}', *numbers]
      )
    )
  versions = ', '.join(f'{key} {value}' for key, value in rows[0]['versions'].items())
  protocol = rows[0]['protocol']
  return (
    '# One small model of each family, on the digits\n\n'
    + '\n'.join(f'| {line} |' for line in lines)
    + '\n\nMade by `python -m experiments.digits`, seed 0, averaged weights. `seconds`: the whole command, '
    'with start, compilation, evaluation and pictures. Bits per dimension on the 300 test digits, '
    '17 levels: exact for the flow and the autoregressive model, a bound for the autoencoder, an estimate of one '
    'along the probability-flow ODE for the score model; ± is the standard error of the mean over these digits. The '
    'measures compare '
    f'{protocol["kernel_distance"]}; Fréchet distances {protocol["frechet_to_train"]}, and '
    f'{protocol["frechet_to_test"]}: copies are near to the former alone. `copied`: the share of samples that are '
    'nearer to a training digit than the nearest 5 % of test digits are. '
    f'No published numbers exist for this set.\n\n{versions}.\n\n![samples](samples.png)\n'
  )


def wall(workdirs: list[Path]) -> np.ndarray:
  """Data, and as many samples of each family, side by side beneath their names; magnified smoothly."""
  trained = [experiment.load(path) for path in workdirs]
  levels = fields.of(trained[0].config)['x'].levels
  data = reference_of(trained[0].config).train.examples(np.arange(TILES))['x']
  samples = [sampler(run.model, TILES, seed=0)(*run.weights()['averaged']) for run in trained]
  grids = [magnified(np.asarray(x), levels) for x in (data, *samples)]
  return show.titled_row(grids, ('data', *TITLES))


def magnified(x: np.ndarray, levels: int, side: int = 44) -> np.ndarray:
  """Images of one channel, interpolated, since blocks hide what eight pixels show; uint8[height, width, 3]."""
  tiles = [
    Image.fromarray(np.rint(image[..., 0] * (255 / (levels - 1))).astype(np.uint8)).resize(
      (side, side), BICUBIC
    )
    for image in x
  ]
  return show.grid(np.stack([np.asarray(tile)[..., None] for tile in tiles]), gap=1)


def _cell(row, metric):
  if metric not in row['metrics']:
    return '-'
  error = row['errors'].get(metric)
  return f'{row["metrics"][metric]:.3f}' + ('' if error is None else f' ± {error:.3f}')


def _protocol(record):
  return f'{record.n_generated:,} samples with {record.n_reference:,} examples of {record.split}, by {record.features}'


if __name__ == '__main__':
  main()
