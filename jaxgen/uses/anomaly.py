"""Anomaly scores: how unlikely an example is, or how badly it is reconstructed, against a class never seen."""

from collections.abc import Callable, Mapping

import jax
import numpy as np

from jaxgen import data, show
from jaxgen.metrics.roc import auc, roc_curve
from jaxgen.uses.classification import log_marginal, log_shares, under_each_label
from jaxgen.uses.subject import Subject, TooFew, Written, needed

_MOST = 2000  # examples, see `Subject.affordable`
_FITTED = 20_000  # training examples that a forest sees
_TREES, _OF_EACH = 100, 256
_NUMBERS = ('image', 'vector', 'table', 'audio')  # kinds whose entries can be split at a threshold


def run(subject: Subject) -> Written:
  """`anomaly.png`, the ROC curves of scores on the split, and the areas beneath them with their standard errors.

  Anomalies are the examples of the classes in `config.data.without`, which training did not see. Beside the model's own
  `scores` stands what needs no model: an isolation forest of the entries of x, fitted to the same training split (Liu,
  Ting & Zhou, "Isolation forest", 2008; of 100 trees, each of 256 examples, as they have it).

  Raises:
    TooFew: if the split has no anomalies, or nothing else.
  """
  source, places = subject.source(subject.split), subject.spread(subject.split, subject.affordable(_MOST))
  examples = source.examples(places)
  strange = np.isin(np.asarray(examples['label']), subject.trained.config.data.without)
  if strange.all() or not strange.any():
    missing = 'of other classes' if strange.all() else 'of the classes in config.data.without'
    raise TooFew(f'an anomaly score needs both groups, and the split "{subject.split}" has none {missing}.')
  found, settings = scores(subject, source, places), {}
  if subject.field.kind in _NUMBERS:
    fitted = subject.source('train').examples(subject.spread('train', _FITTED))['x']
    found['isolation forest'] = forest(fitted, np.asarray(examples['x']), subject.seed)
    settings = {'isolation_forest': {'trees': _TREES, 'of_each': _of_each(fitted), 'fitted_to': len(fitted)}}
  areas = {name: auc(score, strange) for name, score in found.items()}
  path = subject.folder / 'anomaly.png'
  curves = {f'{name}: {areas[name][0]:.3f}': roc_curve(score, strange) for name, score in found.items()}
  show.relation({'': curves}, ('false positive rate', 'true positive rate'), path)
  numbers = {
    'anomalies': int(strange.sum()),
    'others': int((~strange).sum()),
    'scores': {name: {'auc': area, 'standard_error': error} for name, (area, error) in areas.items()},
  }
  return Written((path,), numbers | settings, _table(areas))


def scores(subject: Subject, source: data.Source, places: np.ndarray) -> dict[str, np.ndarray]:
  """What the model says of examples of a source, `{name of the score: f64[N]}`, higher for the strange.

  `-log p(x)`, of an autoencoder by its K draws, and its `-ELBO` of one draw; of a model of labelled examples
  `-log sum_y p(x|y) p(y)`, where both are bounds as they are for each label. Where latents do not hold all of an
  example, the mean square error of the reconstruction too; of a model of labelled examples the least over the labels
  that training has seen: a score that knew the label would know the answer. Of padded sequences p(x) is a mass, so that
  those of different lengths are compared.
  """
  model, elbo, found = subject.model, subject.term('elbo'), {}
  if model.log_prob:
    draws = model.log_prob_estimate and model.log_prob_estimate.importance_samples
    name = f'-log p(x) (K = {draws}), nats' if draws else '-log p(x), nats'
    found[name] = -log_prob(subject, model.log_prob, source, places)
  if elbo:
    found['-ELBO, nats'] = -log_prob(subject, elbo, source, places)
  if model.encode and model.decode and (elbo or not model.log_prob):
    found['mean square error'] = _reconstruction(subject, source, places)
  return found


def log_prob(
  subject: Subject, function: Callable[..., jax.Array], source: data.Source, places: np.ndarray
) -> np.ndarray:
  """log p(x) of examples of a source, f64[N] in nats, by `function(params, extra, rng, batch) -> f32[B]`, which of a
  model of labelled examples gives log p(x|y): then it is `log sum_y p(x|y) p(y)`."""
  if 'label' in subject.model.given:
    return log_marginal(subject, function, source, places)
  return subject.per_example(function, subject.rng('likelihood'), source, places).astype(np.float64)


def forest(fitted: np.ndarray, x: np.ndarray, seed: int) -> np.ndarray:
  """The score of an isolation forest, f64[N] in (0, 1), higher for the strange: by equation 2 of Liu et al., 2008.

  Args:
    fitted: [M, *shape], what is not strange.
    x: [N, *shape], what is scored.
    seed: of the trees.
  """
  from sklearn.ensemble import IsolationForest

  trees = IsolationForest(n_estimators=_TREES, max_samples=_of_each(fitted), random_state=seed)
  trees.fit(fitted.reshape(len(fitted), -1))
  return -trees.score_samples(x.reshape(len(x), -1))


def _of_each(fitted):
  return min(_OF_EACH, len(fitted))


def _reconstruction(subject, source, places):
  encode, decode = needed(subject.model.encode), needed(subject.model.decode)

  def squared_error(params, extra, rng, batch):
    given = subject.given_of(batch)
    again = decode(params, extra, encode(params, extra, rng, batch), given)
    error = again.astype('float32') - batch['x'].astype('float32')
    return (error**2).reshape(len(again), -1).mean(-1)

  if 'label' in subject.model.given:
    known = np.isfinite(log_shares(subject))
    return under_each_label(subject, squared_error, source, places)[:, known].min(1)
  return subject.per_example(squared_error, subject.rng('likelihood'), source, places)


def _table(areas: Mapping[str, tuple[float, float]]) -> str:
  """The areas as a person reads them."""
  rows = [f'{name:28} {area:.3f} ± {error:.3f}' for name, (area, error) in areas.items()]
  return '\n'.join([f'{"":28} area under the ROC curve', *rows])
