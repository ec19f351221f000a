"""What a trained autoencoder has reached: bounds of each test image, their means with errors, and the curve."""

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgen import data, experiment, fields, keys
from jaxgen.runs import writers
from jaxgen.types import GenerativeModel
from jaxgen.versions import versions

_BATCH = 100
PUBLISHED_DRAWS = 5000  # K of the published bounds
_FEW = 200  # images of which the bound of so many draws is taken, too


def reached(workdir: Path, draws: int, images: int) -> dict[str, Any]:
  """The numbers of a run on the test split by its averaged weights, and what they depend on.

  Args:
    workdir: of the run, which models binary images.
    draws: K of the importance-weighted bound.
    images: how many of the split, the first ones.
  """
  trained = experiment.load(workdir)
  config = trained.config
  test = data.load(config.data, 'test')
  found = in_nats(trained, test, draws, images)
  few = min(images, _FEW)
  gained = found['bound'][:few] - in_nats(trained, test, PUBLISHED_DRAWS, few)['bound']
  return {
    'seed': config.seed,
    'steps': int(trained.state.step),
    'batch_size': config.batch_size,
    'redrawn': config.data.binarized_draws,
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(trained.state.params)),
    'objective': trained.model.objective,
    'elbo': mean(found['elbo']),
    'bound': mean(found['bound']),
    'kl': mean(found['kl']),
    'draws': draws,
    'images': len(found['bound']),
    'gain': {'draws': PUBLISHED_DRAWS, 'images': few, 'nats': mean(gained)},
    'curve': curve(workdir, config),
    'data': test.name,
    'versions': dict(versions()),
  }


def in_nats(
  trained: experiment.Trained, source: data.Source, draws: int, images: int
) -> dict[str, np.ndarray]:
  """Of each image, f64[N]: the negative bounds of one draw, `elbo`, and of K, `bound`, on its log-mass, and `kl`."""
  config = trained.config.copy_and_resolve_references()
  config.model.importance_samples = draws
  params, extra = list(trained.weights().values())[-1]
  terms = of_examples(experiment.build_model(config), params, extra, source, images, config.seed)
  x = fields.of(config)['x']
  elbo = fields.size(x) * math.log(x.levels) - terms['elbo']  # of the log-density on the unit cube
  return {'elbo': elbo, 'bound': elbo - terms['bound_gap'], 'kl': terms['kl']}


def of_examples(
  model: GenerativeModel, params: Any, extra: Any, source: data.Source, number: int, seed: int = 0
) -> dict[str, np.ndarray]:
  """The terms of the first examples of a split, f64[N], those that are one number for each."""
  evaluate, rng = jax.jit(model.evaluate), keys.of(seed, 'evaluation')
  parts: dict[str, list[np.ndarray]] = {}
  for index, (batch, mask) in enumerate(data.eval_batches(source, _BATCH)):
    if index * _BATCH >= number:
      break
    values = jax.device_get(evaluate(params, extra, jax.random.fold_in(rng, index), batch))
    for name, value in values.items():
      if np.ndim(value) == 1:
        parts.setdefault(name, []).append(value[mask > 0])
  return {name: np.concatenate(each)[:number].astype(np.float64) for name, each in parts.items()}


def mean(values: np.ndarray) -> tuple[float, float]:
  """The mean of f64[N] and its standard error."""
  return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def curve(workdir: Path, config: Any) -> list[tuple[int, float, float]]:
  """`(step, nats by one draw, nats by K draws)` of the split that is looked at while a run trains, averaged weights;
  K is the config's."""
  nats = fields.size(fields.of(config)['x']) * math.log(2)
  split = data.monitored_split(config.data)
  rows = [row for row in writers.read(workdir) if row['split'] == split and 'bits_per_dim' in row]
  kept = [row for row in rows if row.get('weights') == 'averaged'] or rows
  return [(row['step'], nats * row['elbo_bits_per_dim'], nats * row['bits_per_dim']) for row in kept]
