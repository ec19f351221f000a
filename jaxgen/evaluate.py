"""A run's numbers: the model's own terms over a held-out split, and every measure that applies to the model."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import data, experiment, fields, keys, parallel
from jaxgen.data import cache
from jaxgen.errors import UserError
from jaxgen.metrics import features, printed, results
from jaxgen.metrics.catalogue import METRICS, check_names
from jaxgen.metrics.evaluation import Run, Settings, Setup
from jaxgen.metrics.features.reference import split_of, spread_out
from jaxgen.metrics.measure import measure
from jaxgen.runs import workdir as workdirs
from jaxgen.types import GenerativeModel

HELD_OUT = ('test', 'validation')
_SEEN = 1024  # training examples that are measured as the held-out ones are


def evaluator(
  model: GenerativeModel, source: data.Source, batch_size: int, seed: int = 0
) -> Callable[..., dict[str, Any]]:
  """A function `(params, extra) -> {name: mean over the split}`, or what `model.summary` makes of these means: numbers
  and lists of numbers. It is compiled once, for other examples too, which it may be given as `examples`.

  The last batch is masked, so that every example counts once. The noise that a term needs (dequantization, a
  latent) depends on the seed and the batch alone, so that two evaluations differ by their parameters only.
  """
  terms = parallel.shared_work(model.evaluate)
  rng = keys.of(seed, 'evaluation')

  def evaluate(params, extra, examples: data.Source = source) -> dict[str, Any]:
    params, extra = parallel.on_all_devices((params, extra))  # wherever they were restored or trained
    totals: dict[str, Any] = {}
    count = 0.0
    for index, (batch, mask) in enumerate(data.eval_batches(examples, batch_size)):
      values = terms(params, extra, jax.random.fold_in(rng, index), parallel.split_over_devices(batch))
      for name, value in jax.device_get(values).items():
        # Not a product with the mask: what fills the last batch may be anything, nan included.
        totals[name] = totals.get(name, 0.0) + np.sum(value[mask > 0], axis=0, dtype=np.float64)
      count += float(mask.sum())
    means = {name: total / count for name, total in totals.items()}
    found = model.summary(means) if model.summary else means
    return {name: np.asarray(value).tolist() for name, value in found.items()}

  return evaluate


def seen(source: data.Source) -> data.Source:
  """Some examples of a training split, spread evenly over it, for the part `seen` of a family's `health`."""
  places = spread_out(len(source), _SEEN)
  return data.Source(source.name, source.spec, len(places), lambda indices: source.examples(places[indices]))


def evaluate(
  workdir: Path,
  config: ConfigDict | None = None,
  step: str | int = 'newest',
  split: str = 'test',
  trust: bool = False,
) -> list[results.Record]:
  """Measures a checkpoint of a run.

  Prints one table: the model's terms with raw and averaged weights, and what `jaxgen.metrics.measure` finds with the
  averaged ones, which it appends to `<workdir>/results.jsonl`. Interrupted, it goes on where it was.

  Args:
    workdir: of the run.
    config: where given, it must be that of the run; its section `evaluation` says how to measure.
    step: of the checkpoint: 'newest', 'best' (by validation) or a number.
    split: the held-out one that is measured: 'test', for a number that is printed, or 'validation', for choosing.
    trust: see `jaxgen.experiment.load`.

  Returns:
    The records that were appended.

  Raises:
    UserError: if the workdir holds no such checkpoint, the data set or the split cannot be read, or a measure does not
      apply.
  """
  workdir = Path(workdir)
  if split not in HELD_OUT:
    raise UserError(f'--split={split} is not held out of training; give {" or ".join(HELD_OUT)}.')
  workdirs.check_links(workdir)
  trained = experiment.load(workdir, config, step, trust)
  check_names(trained.config.evaluation.metrics)
  features.check_kind(trained.config.evaluation.features)
  reference = reference_of(trained.config)
  held_out = split_of(reference, split)
  for name, source in (('train', reference.train), (split, held_out)):
    assert isinstance(source, data.Source)  # as `reference_of` makes them
    experiment.check_same_table(workdir, name, source)
  with parallel.one_speaks(), parallel.one_writes(workdir) as written_to:
    terms = _terms(trained, held_out)
    records = measure_run(trained, reference, workdir, split)
    results.append(written_to / 'results.jsonl', records)
    print(f'{reference.name}, step {int(trained.state.step)} of {workdir}; {trained.model.objective}')
    print(f'Measured on {held_out.name}.\n')
    weights = list(terms)[-1]
    print('\n'.join(printed.table(terms, f'{len(held_out):,} examples of {split}', records, weights)))
    print(f'Appended to {workdir / "results.jsonl"}')
  return records


def reference_of(config: ConfigDict) -> features.Reference:
  """The data set of a config, with what is known of it in closed form.

  Raises:
    UserError: if it cannot be read.
  """
  train, test = (data.load(config.data, split) for split in ('train', 'test'))
  validation = data.load(config.data, 'validation') if config.data.validation else None
  known = data.known_density(config.data)
  return features.Reference(
    name=_name(config.data),
    spec=train.spec,
    train=train,
    test=test,
    modes=known and known.modes,
    mode_std=known.mode_std if known and known.modes is not None else 0.0,
    log_density=known and known.log_prob,
    validation=validation,
    rate=config.data.rate if train.spec['x'].kind == 'audio' else 0,
    pitches=train.pitches,
  )


def _name(config):
  """Of `config.data`: numbers of another size, or of other pixels, are of other data."""
  size = f' at {config.image_size}' if config.image_size else ''
  longest = f', sentences of at most {config.context} tokens' if config.sentences else ''
  if config.name.startswith('audio:'):
    size = f' of {config.context} samples at {config.rate} Hz, {config.levels} levels'
  return config.name + size + longest + (', statically binarized' if config.binarized else '')


def measure_run(
  trained: experiment.Trained,
  reference: features.Reference,
  workdir: Path,
  split: str = 'test',
  say: Callable[[str], None] = print,
) -> list[results.Record]:
  """Every measure that applies to a trained model, with averaged weights where there are any.

  Raises:
    UserError: if a measure was asked for that does not apply, or the data have no mask, by which the run has learned.
  """
  config, how = trained.config, trained.config.evaluation
  reference = _as_seen(reference, fields.of(config))
  weights, (params, extra) = list(trained.weights().items())[-1]
  config_sha = hashlib.sha256(configs.to_json(config).encode()).hexdigest()[:8]
  with (
    parallel.all_alike((cache.directory() or Path(workdir) / '.cache') / 'metrics') as folder,
    parallel.all_alike(Path(workdir) / '.evaluation') as scratch,
  ):
    setup = Setup(
      run=Run(
        str(workdir),
        config.module,
        config_sha,
        int(trained.state.step),
        weights,
        config.seed,
        ', '.join(f'{name}={value}' for name, value in experiment.sampler_of(trained).items()),
      ),
      reference=reference,
      features=_features(reference, folder, how),
      cache=folder,
      scratch=scratch,
      settings=Settings(
        num_samples=how.num_samples,
        against=how.against,
        split=split,
        batch_size=min(config.batch_size, 100),
        metrics=tuple(how.metrics),
        num_held_out=how.num_held_out,
        noise_draws=how.noise_draws,
      ),
      say=say,
    )
    return measure(trained.model, params, extra, setup)


def _as_seen(reference, spec):
  """The data as a run of these fields has seen them: without a mask that it does not know, what fills an example up is
  part of what it models, and its likelihood is of all entries."""
  there, learned = fields.OBSERVED in reference.spec, fields.OBSERVED in spec
  if learned and not there:
    raise UserError(
      f'{reference.name} has no mask "{fields.OBSERVED}", and the run has learned by one; give the data that it has '
      'seen.'
    )
  if learned or not there:
    return reference
  seen = {name: field for name, field in reference.spec.items() if name != fields.OBSERVED}
  return reference._replace(spec=seen)


def _features(reference, folder, how):
  """Likelihoods and reconstructions need none, and a classifier of large images takes minutes to train."""
  needed = not how.metrics or any('sample' in METRICS[name].needs for name in how.metrics if name in METRICS)
  nothing = 'random' if reference.x.kind == 'image' else 'identity'
  return features.choose(reference, folder, how.features if needed else nothing)


def _terms(trained, held_out):
  """`{weights: {name: mean}}` of the model's own terms."""
  measure_terms = evaluator(trained.model, held_out, trained.config.batch_size, trained.config.seed)
  return {name: measure_terms(*weights) for name, weights in trained.weights().items()}
