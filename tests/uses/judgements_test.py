"""The uses that give numbers, where these are known in closed form."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from jaxgen import uses
from jaxgen.types import Estimate, Field
from jaxgen.uses import classification, translation
from tests.uses.conftest import IMAGES, labelled


def done(tmp_path, use, **options):
  written = uses.use(tmp_path, options=uses.Options(use=(use,), **options))
  return json.loads(written[f'{use}.json'].read_text())


def test_bayes_rule_names_the_class_that_an_example_is_of(make, tmp_path):
  make(given=('label',))
  record = done(tmp_path, 'classification')
  assert (record['accuracy'], record['standard_error'], record['examples']) == (1.0, 0.0, 40)
  assert np.sum(record['confusion']) == np.trace(record['confusion']) == 40


def test_log_joint_is_the_likelihood_and_the_share_of_the_class(make):
  label = np.array([0] * 30 + [1] * 10, np.uint8)
  few = {'x': np.ones((40, 8, 8, 1), np.uint8), 'label': label}
  subject = make(given=('label',), arrays={'train': few, 'test': few})
  three = subject.model.log_prob, subject.source('test'), np.arange(3)
  joint = classification.log_joint(subject, *three)
  np.testing.assert_allclose(joint[:, :2], [[-64 + np.log(0.75), np.log(0.25)]] * 3, rtol=1e-6)
  assert (joint[:, 2:] == -np.inf).all()  # no training example is of these classes
  np.testing.assert_allclose(classification.log_marginal(subject, *three), np.log(0.25), rtol=1e-6)


@pytest.mark.parametrize(
  ('changes', 'score'), [({}, '-log p(x), nats'), ({'log_prob': None}, 'mean square error')]
)
def test_a_class_that_was_held_out_is_told_from_the_others(make, tmp_path, changes, score):
  """Brighter digits are less likely, and those above 8 are cut off when they are decoded: 9 is strange to both."""
  decode = lambda params, extra, latents, given=None: latents['z'].clip(0, 8).astype('uint8')  # noqa: E731
  make(without=(9,), decode=decode, **changes)
  record = done(tmp_path, 'anomaly')
  assert record['scores'].keys() == {score, 'isolation forest'}
  assert record['scores'][score]['auc'] == 1.0
  assert record['anomalies'] + record['others'] == 40
  make(without=(0,), decode=decode, **changes)
  assert done(tmp_path, 'anomaly')['scores'][score]['auc'] <= 0.5


def test_an_autoencoder_has_three_scores(make, tmp_path, capsys):
  """Of one draw and of K, and what is lost of the image; each in the words of its estimate."""
  terms = lambda params, extra, rng, batch: {'elbo': -1.0 * batch['x'][:, 0, 0, 0]}  # noqa: E731
  make(without=(9,), evaluate=terms, log_prob_estimate=Estimate('lower bound', importance_samples=64))
  found = done(tmp_path, 'anomaly')['scores']
  assert list(found) == ['-log p(x) (K = 64), nats', '-ELBO, nats', 'mean square error', 'isolation forest']
  assert found['-ELBO, nats']['auc'] == 1.0 and found['mean square error']['auc'] == 0.5  # it loses nothing
  assert '-ELBO, nats                  1.000 ± 0.000' in capsys.readouterr().out


def test_beside_a_model_stands_a_forest_fitted_to_the_same_examples(make, tmp_path):
  seen = labelled(60, IMAGES)
  seen = {name: value[seen['label'] < 8] for name, value in seen.items()}
  test = labelled(40, IMAGES, 2)
  make(without=(9,), arrays={'train': seen, 'test': test})
  record = done(tmp_path, 'anomaly')
  trees = IsolationForest(max_samples=len(seen['x']), random_state=0).fit(seen['x'].reshape(-1, 64))
  expected = roc_auc_score(test['label'] == 9, -trees.score_samples(test['x'].reshape(-1, 64)))
  assert record['scores']['isolation forest']['auc'] == pytest.approx(expected)
  assert record['isolation_forest'] == {'trees': 100, 'of_each': len(seen['x']), 'fitted_to': len(seen['x'])}


def test_a_labelled_model_sums_over_the_classes_it_has_seen(make, tmp_path):
  seen = {name: value[labelled(60, IMAGES)['label'] != 3] for name, value in labelled(60, IMAGES).items()}
  make(given=('label',), without=(3,), arrays={'train': seen, 'test': labelled(40, IMAGES, 2)})
  assert done(tmp_path, 'anomaly')['scores']['-log p(x), nats']['auc'] == 1.0


def test_a_reconstruction_is_not_told_which_label_is_strange(make, tmp_path):
  """A decoder that returns its label knows all of every example, and would not know what a strange one is of."""
  spec = IMAGES['x']

  def decode(params, extra, latents, given=None):
    return jnp.ones((1, *spec.shape), jnp.uint8) * given['label'].reshape(-1, 1, 1, 1).astype(jnp.uint8)

  seen = {name: value[labelled(60, IMAGES)['label'] != 9] for name, value in labelled(60, IMAGES).items()}
  make(
    given=('label',),
    without=(9,),
    arrays={'train': seen, 'test': labelled(40, IMAGES, 2)},
    log_prob=None,
    decode=decode,
  )
  assert (
    done(tmp_path, 'anomaly')['scores']['mean square error']['auc'] == 1.0
  )  # with its own label its error would be 0, as that of all others


def test_the_error_of_a_translation_is_against_the_truth(make, tmp_path):
  spec = {
    'x': Field('image', (8, 8, 1), 17),
    'y': Field('image', (8, 8, 1), 17),
    'label': Field('label', (), 10),
  }
  twins = lambda params, extra, rng, num, given=None: 16 - given['y']  # noqa: E731 - y is x upside down
  make(spec, ('y',), sample=twins, knobs={})
  assert done(tmp_path, 'translation', num=4)['error'] == 0.0
  make(spec, ('y',), sample=lambda params, extra, rng, num, given=None: 17 - given['y'], knobs={})
  record = done(tmp_path, 'translation', num=4)
  assert record['error'] == pytest.approx(1 / 16)
  assert record['examples'] == 40


def test_a_translation_between_domains_is_against_the_truth_where_one_is_the_twin_of_the_other(
  make, tmp_path
):
  spec = {
    'x': Field('image', (8, 8, 1), 17),
    'y': Field('image', (8, 8, 1), 17),
    'label': Field('label', (), 10),
  }
  worse = dict(  # one level too bright, each way
    encode=lambda params, extra, rng, batch: 17 - batch['x'],
    decode=lambda params, extra, latents, given=None: 17 - latents,
  )
  make(spec, **worse)
  assert done(tmp_path, 'translation', num=4)['cycle_error'] == 0.0
  make(spec, twin=('inverted',), **worse)
  record = done(tmp_path, 'translation', num=4)
  assert record['x_to_y_error'] == record['y_to_x_error'] == pytest.approx(1 / 16)
  assert record['x_to_y_examples'] == record['cycle_examples'] == 40  # of the split, however few are shown


def test_the_root_of_the_mean_square_has_the_error_of_its_mean_and_the_absolute_error_beside_it():
  x, truth = np.zeros((4, 2)), np.array([[1.0, 1.0], [1.0, -1.0], [3.0, 3.0], [3.0, -3.0]])
  found = translation.errors(x, truth, Field('vector', (2,), 0))
  assert found == {'error': 2.0, 'standard_error': 0.5, 'absolute_error': 2.0, 'examples': 4}
  found = translation.errors(np.zeros((2, 2)), np.array([[0, 2], [4, 0]]), Field('image', (2,), 5))
  assert (found['error'], found['absolute_error']) == (pytest.approx(0.75 / np.sqrt(2)), 0.375)
