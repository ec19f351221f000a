"""A run's numbers: the model's own terms over the whole test split, and every measure that applies to the model."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import data, experiment, keys
from jaxgen.data import cache, toy
from jaxgen.metrics import features, results
from jaxgen.metrics.catalogue import METRICS
from jaxgen.metrics.evaluation import Run, Settings
from jaxgen.metrics.measure import measure
from jaxgen.parallel import split_over_devices
from jaxgen.types import GenerativeModel


def evaluator(
  model: GenerativeModel, source: data.Source, batch_size: int, seed: int = 0
) -> Callable[..., dict[str, float]]:
  """A function `(params, extra) -> {name: mean over the split}`, compiled once.

  The last batch is masked, so that every example counts once. The noise that a term needs (dequantization, a
  latent) depends on the seed and the batch alone, so that two evaluations differ by their parameters only.
  """
  terms = jax.jit(model.evaluate)
  rng = keys.of(seed, 'evaluation')

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


def evaluate(
  workdir: Path, config: ConfigDict | None = None, step: str | int = 'newest'
) -> list[results.Record]:
  """Measures a checkpoint of a run.

  Prints the model's terms with raw and averaged weights, then what `jaxgen.metrics.measure` finds with the
  averaged ones, which it appends to `<workdir>/results.jsonl`. Interrupted, it goes on where it was.

  Args:
    workdir: of the run.
    config: where given, it must be that of the run; its section `evaluation` says how to measure.
    step: of the checkpoint: 'newest', 'best' (by validation) or a number.

  Returns:
    The records that were appended.

  Raises:
    UserError: if the workdir holds no checkpoint, the data set cannot be read, or a measure does not apply.
  """
  workdir = Path(workdir)
  trained = experiment.load(workdir, config, step)
  reference = reference_of(trained.config)
  _print_terms(trained, reference.test)
  records = measure_run(trained, reference, workdir)
  results.append(workdir / 'results.jsonl', records)
  _print_records(records, workdir)
  return records


def reference_of(config: ConfigDict) -> features.Reference:
  """The data set of a config, with what is known of it in closed form.

  Raises:
    UserError: if it cannot be read.
  """
  train, test = (data.load(config.data, split) for split in ('train', 'test'))
  kind, _, name = config.data.name.partition(':')
  known = toy.DENSITIES[name] if kind == 'toy' else None
  return features.Reference(
    name=config.data.name + (f' at {config.data.image_size}' if config.data.image_size else ''),
    spec=train.spec,
    train=train,
    test=test,
    modes=known and known.modes,
    mode_std=known.mode_std if known and known.modes is not None else 0.0,
    entropy=known and known.entropy,
  )


def measure_run(
  trained: experiment.Trained,
  reference: features.Reference,
  workdir: Path,
  say: Callable[[str], None] = print,
) -> list[results.Record]:
  """Every measure that applies to a trained model, with averaged weights where there are any.

  Raises:
    UserError: if a measure was asked for that does not apply.
  """
  config, how = trained.config, trained.config.evaluation
  weights, (params, extra) = list(trained.weights().items())[-1]
  config_sha = hashlib.sha256(configs.to_json(config).encode()).hexdigest()[:8]
  folder = (cache.directory() or Path(workdir) / '.cache') / 'metrics'
  return measure(
    trained.model,
    params,
    extra,
    run=Run(str(workdir), config.module, config_sha, int(trained.state.step), weights, config.seed),
    reference=reference,
    features=_features(reference, folder, how),
    cache=folder,
    scratch=Path(workdir) / '.evaluation',
    settings=Settings(how.num_samples, how.split, min(config.batch_size, 100), tuple(how.metrics)),
    say=say,
  )


def _features(reference, folder, how):
  """Likelihoods and reconstructions need none, and a classifier of large images takes minutes to train."""
  needed = not how.metrics or any('sample' in METRICS[name].needs for name in how.metrics if name in METRICS)
  nothing = 'random' if len(reference.spec.shape) == 3 else 'identity'
  return features.choose(reference, folder, how.features if needed else nothing)


def _print_terms(trained, test):
  measure_terms = evaluator(trained.model, test, trained.config.batch_size, trained.config.seed)
  terms = {name: measure_terms(*weights) for name, weights in trained.weights().items()}
  print(f'{test.name}: {len(test)} examples; step {int(trained.state.step)}; {trained.model.objective}')
  print(f'{"":26}' + ''.join(f'{weights:>14}' for weights in terms))
  for name in next(iter(terms.values())):
    print(f'{name:26}' + ''.join(f'{values[name]:14.4f}' for values in terms.values()))


def _print_records(records, workdir):
  print()
  for record in records:
    spread = '' if record.spread is None else f' ± {record.spread:.4g}'
    against = f'{record.n_generated} samples, ' if record.n_generated else ''
    against += f'{record.n_reference} of {record.split}' if record.split else ''
    notes = '; '.join(note for note in (record.kind, record.settings, against, record.features) if note)
    print(f'{record.metric:26}{record.value:14.4f}{spread:12}  {notes}')
  print(f'\n{records[0].weights if records else ""} weights; appended to {workdir / "results.jsonl"}')
