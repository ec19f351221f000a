"""How beta trades rate for distortion (Alemi et al., "Fixing a broken ELBO", 2018), on binarized MNIST."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from experiments import row_by_row
from experiments.vae_mnist.reached import mean, of_examples
from jaxgen import config_files, data, experiment, files
from jaxgen.versions import versions

CONFIG = 'vae_binary_mnist'
REDRAWN = 100  # draws of a training image, so that what is bought is no memory of pixels' noise
SPLITS = 'train', 'test'
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)


def config_of(beta: float) -> ConfigDict:
  """`CONFIG` with this weight of the KL, looked at once, at its end."""
  config = config_files.load(CONFIG)
  config.model.kl_weight = beta
  config.model.importance_samples = 1  # no bound is asked for
  config.data.binarized_draws = REDRAWN
  config.sample_every = 0
  config.log_every = config.eval_every = config.checkpoint_every = config.num_steps
  return config


def measured(beta: float, runs: Path) -> dict[str, Any]:
  """Trains, where there is no run yet, and measures: `{split: {'rate', 'distortion', 'sum'}}`, means with errors, nats.

  The rate is KL(q(z|x) || p(z)), the distortion -E log p(x|z), of one draw of z for each example.
  """
  workdir = runs / f'{CONFIG}_{beta:g}'
  row_by_row.train_quietly(config_of(beta), workdir)
  trained = experiment.load(workdir)
  params, extra = list(trained.weights().values())[-1]
  row: dict[str, Any] = {
    'config': CONFIG,
    'beta': beta,
    'seed': trained.config.seed,
    'steps': int(trained.state.step),
    'versions': dict(versions()),
  }
  for split in SPLITS:
    source = data.load(trained.config.data, split)
    terms = of_examples(trained.model, params, extra, source, len(source), trained.config.seed)
    row[split] = {
      'examples': len(source),
      'rate': mean(terms['kl']),
      'distortion': mean(terms['reconstruction']),
      'sum': mean(terms['kl'] + terms['reconstruction']),
    }
  return row


def picture(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
  """Distortion over rate, a point for each beta, and the line of the best ELBO."""
  from matplotlib.figure import Figure

  figure = Figure(figsize=(6.2, 4.6), layout='constrained')
  panel = figure.subplots()
  rows = sorted(rows, key=lambda row: row['beta'])
  for split, colour, width in (('train', '0.7', 1.0), ('test', 'tab:blue', 1.6)):
    rates, distortions = ([row[split][name][0] for row in rows] for name in ('rate', 'distortion'))
    panel.plot(rates, distortions, marker='o', markersize=4, color=colour, linewidth=width, label=split)
  top = max(row[split]['distortion'][0] for row in rows for split in SPLITS)
  for row in rows:
    at = row['test']['rate'][0], row['test']['distortion'][0]
    panel.annotate(f'β = {row["beta"]:g}', at, xytext=(6, 5), textcoords='offset points', fontsize=8)
  least = best(rows)
  nats, end = least['test']['sum'][0], 1.1 * max(row['test']['rate'][0] for row in rows)
  panel.plot(
    [0, end],
    [nats, nats - end],
    linestyle='--',
    linewidth=1.0,
    color='tab:red',
    label=f'rate + distortion = {nats:.1f} nats, the best ELBO (β = {least["beta"]:g})',
  )
  panel.set_xlim(0, 1.12 * end)
  panel.set_ylim(0, 1.05 * top)
  panel.set_xlabel('rate: KL(q(z|x) || p(z)), nats')
  panel.set_ylabel('distortion: -E log p(x|z), nats')
  panel.set_title(f'What β buys: {rows[0]["config"]}, {rows[0]["steps"]:,} steps', fontsize=10)
  panel.grid(alpha=0.25)
  panel.legend(fontsize=8, frameon=False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def best(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
  """The row of the best ELBO on the test split, that is of the least rate + distortion."""
  return min(rows, key=lambda row: row['test']['sum'][0])
