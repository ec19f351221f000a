"""Measures a model by what it can do: `sample`, `log_prob`, `encode` and `decode` decide, not its name."""

import datetime

import numpy as np

from jaxgen.errors import UserError
from jaxgen.metrics.catalogue import METRICS, abilities, check_names, possible
from jaxgen.metrics.checks import TooFew, TooFewExamples
from jaxgen.metrics.evaluation import Evaluation, Setup
from jaxgen.metrics.results import Record
from jaxgen.metrics.values import Value
from jaxgen.types import Estimate, Extra, GenerativeModel, Params, Update
from jaxgen.versions import versions


def _absent(*args, **kwargs):
  raise TypeError('samples that are there already have nothing to be trained or evaluated.')


# What `measure_samples` measures: a model that has samples, and nothing else.
SAMPLES_ALONE = GenerativeModel(
  init=_absent,
  update=Update(_absent, _absent),
  evaluate=_absent,
  sample=lambda params, extra, rng, num, given=None: params['samples'][:num],
  objective='none: samples that are there already',
)


def measure(model: GenerativeModel, params: Params, extra: Extra, setup: Setup) -> list[Record]:
  """Everything that this model can be measured by, or the metrics that are asked for.

  Samples, features and likelihoods are computed in parts that are functions of (parameters, seed, part) and
  are kept on disk until the end, so that an evaluation which was killed goes on where it was.

  Args:
    model: any; nothing but its functions is looked at.
    params: raw or averaged weights.
    extra: the rest of its state.
    setup: by what.

  Returns:
    A record per number.

  Raises:
    UserError: if a metric is asked for that does not apply; if there are too few samples or examples for a metric
      that was asked for, or the number of samples that was asked for is too small for one; if samples, features or
      likelihoods are not finite, or samples are not what the data are.
  """
  return _measure(Evaluation(model, params, extra, setup))


def measure_samples(samples: np.ndarray, setup: Setup) -> list[Record]:
  """What samples that are there already are measured by: another project's, or data in a model's place.

  Data in a model's place are what a perfect model would draw, and a ceiling for others, if they are measured at as many
  samples, against the same examples, and are none of these: one half of the training split (`reference.halves`)
  against the other (`Settings.against = 'half'`). The rest is as for `measure`.

  Args:
    samples: u8 or f32[N, ...], as the data are; the first `settings.num_samples` of them count.
    setup: by what.

  Raises:
    UserError: as `measure`, and if there are fewer samples than are to be measured.
  """
  num = setup.settings.num_samples or len(samples)
  if len(samples) < num:
    raise UserError(f'{len(samples)} samples are too few to measure {num} of them.')
  setup = setup._replace(settings=setup.settings._replace(num_samples=num))
  return _measure(Evaluation(SAMPLES_ALONE, {'samples': samples}, {}, setup, samples))


def _measure(evaluation: Evaluation) -> list[Record]:
  settings, values = evaluation.settings, list[Value]()
  for name in _chosen(evaluation):
    try:
      values += METRICS[name].measure(evaluation)
    except TooFew as error:
      if settings.metrics or (settings.num_samples and not isinstance(error, TooFewExamples)):
        raise
      evaluation.say(f'{name} is left out: {error}')
  records = [_record(evaluation, value) for value in values]
  evaluation.finish()
  return records


def _chosen(e):
  model, reference, features, asked = e.model, e.reference, e.features, e.settings.metrics
  apply = possible(model, reference, features)
  check_names(asked)
  for name in asked:
    if name not in apply:
      lacks = ', '.join(sorted(METRICS[name].needs - abilities(model, reference, features)))
      raise UserError(f'{name} needs {lacks}; {e.run.model} on {reference.name} allows: {", ".join(apply)}.')
  return list(asked) or apply


def _record(e: Evaluation, value: Value) -> Record:
  by = (e.features.name, e.features.sha, e.features.resize) if value.by_features else ('', '', '')
  estimate = value.estimate or Estimate('')
  return Record(
    metric=value.metric,
    value=value.value,
    spread=value.spread,
    kind=estimate.kind,
    data=e.reference.name,
    split=value.split,
    features=by[0],
    features_sha=by[1],
    n_generated=value.n_generated,
    n_reference=value.n_reference,
    resize=by[2],
    settings=value.settings,
    weights=e.run.weights,
    model=e.run.model,
    run=e.run.name,
    step=e.run.step,
    seed=e.run.seed,
    sampler=e.run.sampler if value.n_generated else '',
    config_sha=e.run.config_sha,
    params_sha=e.params_sha[:8],
    versions=versions(),
    time=datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
    standard_error=value.standard_error,
    **{name: value for name, value in estimate._asdict().items() if name != 'kind'},
  )
