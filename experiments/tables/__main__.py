"""The error of imputation on tables of which half the values were removed, over seeds, beside two baselines.

    python -m experiments.tables
    python -m experiments.tables --sets=wine --seeds=1,2

A seed is that of the first parameters, of the order of the data and of which values are removed; the rows of the splits
are the same for all. A run that is there is not trained again, and results of other sets and seeds stay.
"""

import json
from pathlib import Path

import numpy as np

from experiments import arguments
from jaxgen import config_files, train, uses
from jaxgen.files import write_text

HERE = Path(__file__).parent
SPLITS = 'train', 'test'
METHODS = 'model', 'column means', 'nearest neighbours'
# What differs from configs/tabular_vae_wine.py, which has the wines.
SETS = {
  'wine': {},
  'breast_cancer': {'num_steps': 1500, 'model.latent_dim': 6, 'model.likelihood_scale': 0.2},
}
CAPTION = (
  'Mean ± standard error over seeds ({counts}). The rows of each split are the same for all seeds: ± tells how much '
  'the removed values and the training matter, not which rows are tested.'
)


def config_of(name: str, seed: int):
  """`configs/tabular_vae_wine.py` on a set with these seeds; looked at as seldom as the choice of a step allows."""
  config = config_files.load('configs/tabular_vae_wine.py')
  config.update_from_flattened_dict(SETS[name])
  config.data.name, config.data.missing_seed, config.seed = f'table:{name}', seed, seed
  config.sample_every, config.checkpoint_every, config.log_every = 0, config.num_steps, config.num_steps
  return config


def measured(name: str, seed: int, runs: Path) -> dict:
  """`{split: {method: {'rmse', 'error_rate'}}}` of a run's best checkpoint."""
  workdir = runs / f'tables_{name}_{seed}'
  train.train(config_of(name, seed), workdir)
  found = {}
  for split in SPLITS:
    uses.use(workdir, options=uses.Options(use=('imputation',), split=split, step='best'))
    record = json.loads((workdir / 'sampled' / 'imputation.json').read_text())
    found[split] = record['errors']
  return found


def merged(before: dict, now: dict) -> dict:
  """What is there of all sets and seeds, in the order of `SETS` and of the seeds; what was measured now counts."""
  every = {name: {**before.get(name, {}), **now.get(name, {})} for name in SETS}
  return {
    name: dict(sorted(seeds.items(), key=lambda row: int(row[0]))) for name, seeds in every.items() if seeds
  }


def table(results: dict) -> str:
  """Means over the seeds and their standard errors, and a caption; `results[set][seed][split][method]` are errors."""
  lines = [f'| set | split | error | {" | ".join(METHODS)} |', f'{"| --- " * (3 + len(METHODS))}|']
  for name, seeds in results.items():
    for split in SPLITS:
      for error, words in (('rmse', 'RMSE of numbers'), ('error_rate', 'wrong categories')):
        values = np.array([[found[split][method][error] for method in METHODS] for found in seeds.values()])
        spread = (
          values.std(0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(len(METHODS), np.nan)
        )
        cells = [f'{mean:.3f} ± {each:.3f}' for mean, each in zip(values.mean(0), spread, strict=True)]
        lines.append(f'| {name} | {split} | {words} | ' + ' | '.join(cells) + ' |')
  counts = ', '.join(f'{name} {len(seeds)}' for name, seeds in results.items())
  return '\n'.join([*lines, '', CAPTION.format(counts=counts)])


def main() -> None:
  """Trains what is missing, measures, and writes `results.json` and `results.md`, the table."""
  parser = arguments.Parser(prog='python -m experiments.tables', description=__doc__)
  parser.add_argument('--sets', type=arguments.several(SETS), default=tuple(SETS))
  parser.add_argument('--seeds', type=arguments.counts, default=(1, 2, 3, 4, 5))
  parser.add_argument('--runs', type=Path, default=Path('runs'), help='where runs are kept')
  asked = parser.parse_args()
  results = {
    name: {str(seed): measured(name, seed, asked.runs) for seed in asked.seeds} for name in asked.sets
  }
  there = HERE / 'results.json'
  results = merged(json.loads(there.read_text()) if there.is_file() else {}, results)
  write_text(there, json.dumps(results, indent=2) + '\n')
  write_text(HERE / 'results.md', table(results) + '\n')
  print(table(results))


if __name__ == '__main__':
  arguments.run(main)
