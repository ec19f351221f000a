"""Compares the ways from noise to samples of one trained score model: quality against evaluations of the network.

    python -m experiments.samplers

Trains `configs/ncsn_digits.py` into `runs/ncsn_digits` where that has not been done, draws as many samples as the
training set has examples in each way, and writes `results.md` and `results.jsonl` beside this file.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from ml_collections import ConfigDict

from jaxgen import experiment, process
from jaxgen.evaluate import measure_run, reference_of
from jaxgen.settings import score_slots

HERE = Path(__file__).parent
NAME = 'ncsn_digits'
METRICS = ('frechet_distance', 'precision_recall')
# (name, settings): each is set against the others at about the same number of evaluations
CASES = (
  *(('annealed', dict(steps_per_level=steps)) for steps in (1, 2, 5)),
  ('annealed', dict(steps_per_level=5, step_size=0.00119)),  # the step that looks at a point alone
  *(('predictor_corrector', dict(num_steps=levels)) for levels in (10, 20, 50)),
  *(('predictor_corrector', dict(num_steps=levels, corrector_steps=0)) for levels in (20, 100)),
  *(('heun', dict(num_steps=steps)) for steps in (5, 8, 10, 18, 35)),
  *(('heun', dict(num_steps=10, rho=rho)) for rho in (3.0, 5.0, 10.0)),
)


def main() -> None:
  """Trains, samples and writes."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--runs', type=Path, default=Path('runs'))
  workdir = parser.parse_args().runs / NAME
  process.set_up()
  subprocess.run(
    [sys.executable, '-m', 'jaxgen.main', f'--config=configs/{NAME}.py', f'--workdir={workdir}'], check=True
  )
  trained = experiment.load(workdir)
  reference = reference_of(trained.config)
  rows = [row(trained, reference, workdir, name, settings) for name, settings in CASES]
  (HERE / 'results.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
  (HERE / 'results.md').write_text(table(rows))
  print(table(rows))


def row(trained: experiment.Trained, reference, workdir: Path, name: str, settings: dict) -> dict:
  """One way: what it costs, and what its samples are worth beside the training split."""
  config = ConfigDict(trained.config.to_dict())
  config.sampler.name = name
  config.sampler[name].update(settings)
  config.evaluation.update(dict(metrics=METRICS, split='train', num_samples=0))
  records = measure_run(
    trained._replace(config=config, model=experiment.build_model(config)), reference, workdir
  )
  way = score_slots.way(config, score_slots.path(config))
  return {
    'sampler': name,
    'settings': settings,
    'evaluations': way.evaluations,
    'metrics': {record.metric: record.value for record in records},
    'protocol': f'{records[0].n_generated:,} samples with {records[0].n_reference:,} examples of {records[0].split}, '
    f'by {records[0].features}',
  }


def table(rows: list[dict]) -> str:
  """The rows as Markdown, the cheapest of each sampler first."""
  lines = [
    '| sampler | settings | evaluations | Fréchet | precision | recall |',
    '|---|---|---:|---:|---:|---:|',
  ]
  for each in rows:
    settings = ', '.join(f'{name}={value:g}' for name, value in each['settings'].items())
    numbers = ' | '.join(
      f'{each["metrics"][name]:.2f}' for name in ('frechet_distance', 'precision', 'recall')
    )
    lines.append(f'| `{each["sampler"]}` | {settings} | {each["evaluations"]} | {numbers} |')
  return (
    '# Ways from noise to digits\n\n'
    + '\n'.join(lines)
    + f'\n\nMade by `python -m experiments.samplers`: `{NAME}`, seed 0, averaged weights, {rows[0]["protocol"]}. '
    '`evaluations` of the network for one sample are the cost.\n'
  )


if __name__ == '__main__':
  main()
