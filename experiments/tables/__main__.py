"""The error of imputation on tables of which half the values were removed, over seeds, beside two baselines.

    python -m experiments.tables
    python -m experiments.tables --sets=wine --seeds=1,2

A seed is that of the first parameters, of the order of the data and of which values are removed. A run that is there
is not trained again.
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


def table(results: dict) -> str:
  """Means over the seeds and their standard errors; `results[set][seed][split][method]` are errors."""
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
  return '\n'.join(lines)


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
  write_text(HERE / 'results.json', json.dumps(results, indent=2) + '\n')
  write_text(HERE / 'results.md', table(results) + '\n')
  print(table(results))


if __name__ == '__main__':
  arguments.run(main)
