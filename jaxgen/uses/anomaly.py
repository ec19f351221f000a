"""Anomaly score: how unlikely an example is, or how badly it is reconstructed, against a class never seen."""

import numpy as np

from jaxgen import data, show
from jaxgen.metrics.roc import auc, roc_curve
from jaxgen.uses.classification import log_marginal, log_shares, under_each_label
from jaxgen.uses.subject import Subject, TooFew, Written, needed

_MOST = 2000  # examples, see `Subject.affordable`


def run(subject: Subject) -> Written:
  """`anomaly.png`, the ROC curve of the score on the split, and the area beneath it with its standard error.

  Anomalies are the examples of the classes in `config.data.without`, which training did not see. The score is
  `-log p(x)`, of a model of labelled examples `-log sum_y p(x|y) p(y)`; without a likelihood it is the mean square
  error of the reconstruction, of a model of labelled examples the least over the labels that training has seen: a score
  that knew the label would know the answer.

  Raises:
    TooFew: if the split has no anomalies, or nothing else.
  """
  source, places = subject.source(subject.split), subject.spread(subject.split, subject.affordable(_MOST))
  labels = np.asarray(source.examples(places)['label'])
  strange = np.isin(labels, subject.trained.config.data.without)
  if strange.all() or not strange.any():
    missing = 'of other classes' if strange.all() else 'of the classes in config.data.without'
    raise TooFew(f'an anomaly score needs both groups, and the split "{subject.split}" has none {missing}.')
  name, score = scores(subject, source, places)
  area, error = auc(score, strange)
  path = subject.folder / 'anomaly.png'
  curves = {'': {'': roc_curve(score, strange)}}
  show.relation(curves, ('false positive rate', 'true positive rate'), path)
  counts = {'anomalies': int(strange.sum()), 'others': int((~strange).sum())}
  return Written((path,), {'score': name, 'auc': area, 'standard_error': error, **counts})


def scores(subject: Subject, source: data.Source, places: np.ndarray) -> tuple[str, np.ndarray]:
  """What the score is, and that of each of these examples of a source, f64[N]."""
  model, rng = subject.model, subject.rng('likelihood')
  if model.log_prob and 'label' in model.given:
    return '-log p(x), nats', -log_marginal(subject, source, places)
  if model.log_prob:
    found = subject.per_example(model.log_prob, rng, source, places)
    return '-log p(x), nats', -found.astype(np.float64)

  encode, decode = needed(model.encode), needed(model.decode)

  def squared_error(params, extra, rng, batch):
    given = subject.given_of(batch)
    again = decode(params, extra, encode(params, extra, rng, batch), given)
    error = again.astype('float32') - batch['x'].astype('float32')
    return (error**2).reshape(len(again), -1).mean(-1)

  if 'label' in model.given:
    known = np.isfinite(log_shares(subject))
    return 'mean square error', under_each_label(subject, squared_error, source, places)[:, known].min(1)
  return 'mean square error', subject.per_example(squared_error, rng, source, places)
