"""Features know what they are; a classifier is trained once, on the data at hand."""

import numpy as np
import pytest

from jaxgen import config as configs
from jaxgen import data, fields
from jaxgen.data.source import from_arrays
from jaxgen.errors import UserError
from jaxgen.metrics import storage
from jaxgen.metrics.features import classifier, inception_weights
from jaxgen.metrics.features import extraction as features
from jaxgen.types import Field


def _reference(shape=(8, 8, 1), levels=17, classes=2, num=64):
  rng = np.random.default_rng(0)
  label = (np.arange(num) % max(classes, 1)).astype(np.uint8)
  if levels:
    x = rng.integers(0, levels // 2, (num, *shape)).astype(np.uint8)
    x += (label * (levels // 2)).astype(np.uint8).reshape(-1, *[1] * len(shape))
  else:
    x = rng.normal(size=(num, *shape)).astype(np.float32)
  arrays = {'x': x} | ({'label': label} if classes else {})
  spec = {'x': Field('image' if len(shape) == 3 else 'vector', shape, levels)}
  spec |= {'label': Field('label', (), classes)} if classes else {}
  source = from_arrays('made', spec, arrays)
  return features.Reference('made', source.spec, source, source)


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
  config = configs.defaults().data
  config.validation = 0.0
  train, test = (data.load(config, split) for split in ('train', 'test'))
  reference = features.Reference('digits', train.spec, train, test)
  cache = tmp_path_factory.mktemp('cache')
  return reference, cache, features.choose(reference, cache)


def test_a_classifier_of_digits_is_right_19_times_in_20(digits):
  reference, _, by = digits
  test = reference.test.examples(np.arange(len(reference.test)))
  out = features.extract(by, test['x'])
  assert out['features'].shape == (300, 64)
  accuracy = (out['logits'].argmax(-1) == test['label']).mean()
  assert accuracy > 0.95
  assert by.name == f'classifier (digits, accuracy {accuracy:.3f}, 64 wide)'
  assert (by.classes, by.has_logits, len(by.sha)) == (10, True, 8)


def test_it_is_trained_once(digits, monkeypatch):
  reference, cache, by = digits
  monkeypatch.setattr(classifier, 'train', lambda *args: pytest.fail('trained again'))
  again = features.choose(reference, cache, 'classifier')
  assert (again.name, again.sha) == (by.name, by.sha)
  x = reference.test.examples(np.arange(3))['x']
  np.testing.assert_array_equal(again.apply(x)[0], by.apply(x)[0])


def test_training_is_a_function_of_its_data():
  x = _reference().train.examples(np.arange(64))
  settings = classifier.Settings(width=4, features=5, steps=1)

  def sha(examples):
    trained = classifier.train(examples, x['label'], x['x'], x['label'], 17, 2, settings)
    return storage.fingerprint(trained.params)

  assert sha(x['x']) == sha(x['x'].copy()) != sha(x['x'][::-1])


def test_batches_change_nothing(digits):
  reference, _, by = digits
  x = reference.test.examples(np.arange(23))['x']
  whole, parts = (features.extract(by._replace(batch_size=size), x)['features'] for size in (500, 7))
  assert whole.shape == (23, 64)
  np.testing.assert_allclose(whole, parts, atol=1e-5)


@pytest.mark.parametrize(
  ('changes', 'expected'),
  [
    ({'shape': (2,), 'levels': 0, 'classes': 0}, 'identity'),
    ({'classes': 0}, 'random'),
    ({'shape': (8, 8, 3), 'levels': 256, 'classes': 0}, 'random'),
  ],
)
def test_the_data_decide_what_is_at_hand(changes, expected, tmp_path, monkeypatch):
  monkeypatch.setattr(inception_weights, 'find', lambda cache: None)
  reference = _reference(**changes)
  by = features.choose(reference, tmp_path)
  assert by.name.startswith(expected)
  out = features.extract(by, reference.train.examples(np.arange(9))['x'])
  assert set(out) == {'features'}
  assert out['features'].shape[0] == 9
  assert features.choose(reference, tmp_path).sha == by.sha


@pytest.mark.parametrize(
  ('kind', 'field'),
  [
    ('random', Field('image', (8, 8, 1), 17)),
    ('identity', Field('vector', (3,), 0)),
    ('ngrams', Field('tokens', (12,), 300)),
    ('spectra', Field('audio', (300, 1), 256)),
  ],
)
def test_features_are_as_wide_as_they_say(kind, field, tmp_path):
  source = from_arrays('made', {'x': field}, fields.blank({'x': field}, 5))
  by = features.choose(features.Reference('made', source.spec, source, source), tmp_path, kind)
  found = features.extract(by, source.examples(np.arange(5))['x'])
  assert found['features'].shape == (5, by.width)


def test_inception_is_taken_for_photographs_whose_weights_are_there(tmp_path, monkeypatch):
  monkeypatch.setattr(inception_weights, 'find', lambda cache: cache / 'weights')
  chosen = []
  monkeypatch.setitem(features._KINDS, 'inception', lambda reference, cache: chosen.append('inception'))
  monkeypatch.setitem(features._KINDS, 'classifier', lambda reference, cache: chosen.append('classifier'))
  features.choose(_reference((8, 8, 3), 256), tmp_path)
  features.choose(_reference((8, 8, 1), 17), tmp_path)
  assert chosen == ['inception', 'classifier']


def test_inception_weights_that_are_absent_or_altered(tmp_path, monkeypatch):
  monkeypatch.setattr(inception_weights, 'find', lambda cache: None)
  monkeypatch.setattr(inception_weights.fetch, '__defaults__', ('file:///nowhere', inception_weights.SHA256))
  with pytest.raises(UserError, match='could not be downloaded'):
    features.choose(_reference(), tmp_path, 'inception')
  (tmp_path / inception_weights.NAME).write_bytes(b'altered')
  for kind in ('inception', f'inception:{tmp_path / inception_weights.NAME}'):
    with pytest.raises(UserError, match='SHA-256'):
      features.choose(_reference(), tmp_path, kind)
  with pytest.raises(UserError, match='/none.pth cannot be read'):
    features.choose(_reference(), tmp_path, f'inception:{tmp_path}/none.pth')


@pytest.mark.parametrize(
  ('changes', 'kind', 'said'),
  [
    ({}, 'vgg', 'There are no features "vgg"; choose one of: auto, inception'),
    ({'classes': 0}, 'classifier', 'no labels'),
    ({'shape': (2,), 'levels': 0}, 'classifier', 'holds vector data, but a classifier need'),
    (
      {'shape': (2,), 'levels': 0},
      'random',
      'random features need images; choose the features "identity"',
    ),
  ],
)
def test_features_that_do_not_suit_the_data(changes, kind, said, tmp_path):
  with pytest.raises(UserError, match=said):
    features.choose(_reference(**changes), tmp_path, kind)


def test_features_that_are_not_finite(tmp_path):
  by = features.choose(_reference((2,), 0, 0), tmp_path)
  with pytest.raises(UserError, match='1 of 3 samples are not finite'):
    features.extract(by, np.array([[0, 0], [np.nan, 0], [1, 1]], np.float32))
