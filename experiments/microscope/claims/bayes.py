"""A class-conditional generative model classifies by Bayes' rule."""

import jax
import numpy as np

from experiments.microscope.claims.claim import Evidence, averaged
from experiments.microscope.claims.vae import vae
from experiments.microscope.lab import Lab, NotHere, values
from experiments.microscope.verdict import Test
from jaxgen import fields
from jaxgen.metrics.features import extract

_MOST = 1000  # test examples
_SHARE = 0.9  # of the classifier's accuracy


def classifies(lab: Lab) -> Evidence:
  """A class-conditional generative model classifies by Bayes' rule."""
  reference = lab.tools.reference
  if 'label' not in reference.spec:
    raise NotHere('This data has no labels.')
  x, labels = _test_examples(reference)
  discriminative = _accuracy_of_features(lab, x, labels)
  arm = vae(
    lab,
    'vae-bayes',
    {'given': ('label',), 'model.importance_samples': 16},
    metrics=(),
    probe=_probe,
    moments=4,
  )
  rows = [
    {'name': 'conditional VAE, Bayes', 'values': values(arm, 'accuracy')},
    {'name': 'classifier', 'values': [discriminative]},
  ]
  accuracy = np.array(values(arm, 'accuracy'))
  return Evidence(
    [Test("accuracy by Bayes' rule over that of the classifier", accuracy / discriminative, _SHARE)],
    [
      {
        'kind': 'dots',
        'x': 'accuracy on the test split',
        'rows': rows,
        'rule': {'x': 1 / fields.classes(reference.spec), 'name': 'chance'},
      }
    ],
    'A small VAE conditioned on the label: argmax over y of log p(x|y), an importance-weighted bound with K = '
    f'16, equal priors; {len(labels):,} test examples. It counts as classifying with {_SHARE:.0%} of the '
    f'accuracy of the convolutional classifier whose features the report uses. {averaged(lab, 0, lab.steps)}',
  )


def _probe(lab, model, params, extra, seed):
  x, labels = _test_examples(lab.tools.reference)
  log_prob = jax.jit(model.log_prob)
  scores = [
    np.concatenate(
      [
        np.asarray(
          log_prob(
            params, extra, jax.random.key(seed), {'x': part, 'label': np.full(len(part), label, labels.dtype)}
          )
        )
        for part in np.array_split(x, max(1, len(x) // 150))
      ]
    )
    for label in range(fields.classes(lab.tools.reference.spec))
  ]
  return {'accuracy': float((np.argmax(scores, 0) == labels).mean())}


def _test_examples(reference):
  batch = reference.test.examples(np.arange(min(_MOST, len(reference.test))))
  return batch['x'], batch['label']


def _accuracy_of_features(lab, x, labels):
  logits = extract(lab.tools.features, x).get('logits')
  if logits is None or not lab.tools.features.classes:
    raise NotHere('There is no classifier of this data to compare with.')
  return float((logits.argmax(-1) == labels).mean())
