"""Classification by Bayes' rule: a model of examples given their class names the class of an example."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import logsumexp

from jaxgen import data, fields
from jaxgen.uses.subject import Subject, Written, needed

_MOST = 1000  # examples, see `Subject.affordable`
_COUNTED = 10_000  # training examples that class shares are counted of


def run(subject: Subject) -> Written:
  """The accuracy of `argmax_y log p(x|y) + log p(y)` on examples of the split, and the confusion matrix.

  They are 1,000 at most, and 100 along an ODE.

  In `classification.json`: `confusion[true][guess]`, and `standard_error` `sqrt(p (1 - p) / n)`.
  """
  source, places = subject.source(subject.split), subject.spread(subject.split, subject.affordable(_MOST))
  guess = log_joint(subject, needed(subject.model.log_prob), source, places).argmax(1)
  true = np.asarray(source.examples(places)['label']).astype(int)
  accuracy, classes = float(np.mean(guess == true)), subject.spec['label'].levels
  confusion = np.zeros((classes, classes), int)
  np.add.at(confusion, (true, guess), 1)
  error = math.sqrt(accuracy * (1 - accuracy) / len(places))
  numbers = {'accuracy': accuracy, 'standard_error': error, 'examples': len(places)}
  return Written((), {**numbers, 'confusion': confusion.tolist()})


def log_joint(
  subject: Subject, log_prob: Callable[..., jax.Array], source: data.Source, places: np.ndarray
) -> np.ndarray:
  """`log p(x|y) + log p(y)` of examples of a source for every label y, f64[N, classes], in nats.

  The noise that a likelihood needs is the same for all labels. `p(y)` is the share of y among training examples.

  Args:
    subject: a model of labelled examples.
    log_prob: `(params, extra, rng, batch) -> f32[B]`, log p(x|y) in nats, or a bound on it.
    source: of the examples.
    places: i64[N] in it.
  """
  return under_each_label(subject, log_prob, source, places) + log_shares(subject)


def under_each_label(
  subject: Subject, function: Callable[..., jax.Array], source: data.Source, places: np.ndarray
) -> np.ndarray:
  """`function(params, extra, rng, batch) -> f32[B]` of examples of a source as if of every label, f64[N, classes]."""
  label = subject.spec['label']

  def of_all_labels(params, extra, rng, batch):
    def given_label(value):
      labels = jnp.full(len(batch['x']), value, fields.dtype(label))
      return function(params, extra, rng, {**batch, 'label': labels})

    return lax.map(given_label, jnp.arange(label.levels)).T

  found = subject.per_example(of_all_labels, subject.rng('likelihood'), source, places)
  return found.astype(np.float64)


def log_marginal(
  subject: Subject, log_prob: Callable[..., jax.Array], source: data.Source, places: np.ndarray
) -> np.ndarray:
  """`log p(x) = log sum_y p(x|y) p(y)`, f64[N], in nats; the arguments are those of `log_joint`."""
  return np.asarray(logsumexp(log_joint(subject, log_prob, source, places), axis=1), np.float64)


def log_shares(subject: Subject) -> np.ndarray:
  """The logarithm of the share of each label among training examples, f64[classes]; -inf of those that have none."""
  examples = subject.source('train').examples(subject.spread('train', _COUNTED))
  counts = np.bincount(np.asarray(examples['label']).astype(int), minlength=subject.spec['label'].levels)
  with np.errstate(divide='ignore'):
    return np.log(counts / counts.sum())
