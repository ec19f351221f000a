"""A model's terms over a whole split, exactly: the last batch is masked, every example counts once."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import data, experiment
from jaxgen.parallel import split_over_devices
from jaxgen.types import GenerativeModel


def evaluator(
  model: GenerativeModel, source: data.Source, batch_size: int, seed: int = 0
) -> Callable[..., dict[str, float]]:
  """A function `(params, extra) -> {name: mean over the split}`, compiled once.

  The noise that a term needs (dequantization, a latent) depends on the seed and the batch alone, so that two
  evaluations differ by their parameters and by nothing else.
  """
  terms = jax.jit(model.evaluate)
  rng = jax.random.fold_in(jax.random.key(seed), 1)

  def evaluate(params, extra) -> dict[str, float]:
    totals, count = {}, 0.0
    for index, (batch, mask) in enumerate(data.eval_batches(source, batch_size)):
      values = terms(params, extra, jax.random.fold_in(rng, index), split_over_devices(batch))
      for name, value in jax.device_get(values).items():
        # Not a product with the mask: what fills the last batch may be anything, nan included.
        totals[name] = totals.get(name, 0.0) + float(np.sum(value[mask > 0], dtype=np.float64))
      count += float(mask.sum())
    return {name: total / count for name, total in totals.items()}

  return evaluate


def evaluate(workdir: Path, config: ConfigDict | None = None) -> dict[str, dict[str, float]]:
  """Measures the newest checkpoint of a run on the test split, with raw and with averaged weights.

  Args:
    workdir: of the run.
    config: where given, it must be that of the run.

  Returns:
    `{'raw': {name: mean}, 'averaged': {name: mean}}`.

  Raises:
    UserError: if the workdir holds no checkpoint, or the data set cannot be read.
  """
  trained = experiment.load(workdir, config)
  source = data.load(trained.config.data, 'test')
  measure = evaluator(trained.model, source, trained.config.batch_size, trained.config.seed)
  results = {name: measure(params, trained.state.extra) for name, params in trained.weights().items()}
  _report(trained, source, results)
  return results


def _report(trained, source, results):
  print(f'{source.name}, test split, {len(source)} examples, step {int(trained.state.step)}')
  print(trained.model.objective)
  names = sorted({name for terms in results.values() for name in terms})
  print(f'{"":24}' + ''.join(f'{weights:>12}' for weights in results))
  for name in names:
    print(f'{name:24}' + ''.join(f'{terms[name]:12.4f}' for terms in results.values()))
