"""Out-of-distribution scores where they are known: of independent pixels, whose likelihood favours what is smooth."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data, uses
from jaxgen.data.source import from_arrays
from jaxgen.errors import UserError
from jaxgen.types import Estimate, Field
from jaxgen.uses import outliers
from tests.uses.conftest import IMAGES

FIELD = IMAGES['x']


def noisy(num, seed, field=FIELD):
  """Images of independent pixels about a middling grey: the most likely of all is the grey alone."""
  rng = np.random.default_rng(seed)
  x = np.clip(np.rint(rng.normal(8, 2, (num, *field.shape))), 0, 16)
  return {'x': x.astype(np.uint8), 'label': rng.integers(10, size=num).astype(np.uint8)}


def log_prob(params, extra, rng, batch):
  """That of these pixels, up to a constant."""
  x = batch['x'].astype(jnp.float32)
  return -((x - 8) ** 2 / (2 * 2**2)).reshape(len(x), -1).sum(-1)


@pytest.fixture
def done(make, tmp_path):
  arrays = {split: noisy(num, seed) for seed, (split, num) in enumerate({'train': 300, 'test': 200}.items())}

  def run(given=(), **options):
    make(given=given, log_prob=log_prob, arrays=arrays)
    written = uses.use(tmp_path, options=uses.Options(use=('outliers',), **options))
    return json.loads(written['outliers.json'].read_text())

  return run


def test_smoother_images_score_higher_and_the_use_says_so(done, capsys):
  """The optimum itself, the true density, fails so: it is no fault of a model."""
  record = done()
  sets = record['sets']
  assert sets['smoothed']['auc'] == sets['constant']['auc'] == 0.0
  assert sets['noise']['auc'] == 1.0
  assert sets['permuted']['auc'] == 0.5  # pixels are alike wherever they are
  assert sets['inverted']['auc'] == 0.5
  assert sets['smoothed']['log_prob'] > sets['test']['log_prob'] > sets['noise']['log_prob']
  assert record['failure'] == 'scores higher than the test set: smoothed, constant'
  out = capsys.readouterr().out
  assert record['failure'] in out
  assert 'smoothed' in out and '0.000 ± 0.000' in out


def test_another_split_is_not_called_the_test_set(done):
  record = done(split='train')
  assert 'test' not in record['sets'] and 'auc' not in record['sets']['train']
  assert record['failure'] == 'scores higher than the train set: smoothed, constant'


def test_typicality_finds_what_is_too_likely(done):
  """All pixels of a typical image are not the most likely ones."""
  sets = done()['sets']
  assert sets['smoothed']['typicality_auc'] > 0.95
  assert sets['noise']['typicality_auc'] > 0.95


def test_likelihoods_along_an_ode_are_of_a_tenth_of_the_examples(make, tmp_path):
  arrays = {split: noisy(100, seed) for seed, split in enumerate(('train', 'test'))}
  numbers = {}
  for steps in (0, 50):
    estimate = Estimate('ODE estimate of a lower bound', ode_steps=steps)
    subject = make(arrays=arrays, log_prob=log_prob, log_prob_estimate=estimate)
    numbers[steps] = [subject.affordable(most) for most in (500, 2000, 5)]
  assert numbers == {0: [500, 2000, 5], 50: [50, 200, 1]}
  written = uses.use(tmp_path, options=uses.Options(use=('outliers',)))
  sets = json.loads(written['outliers.json'].read_text())['sets']
  assert {row['examples'] for row in sets.values()} == {50}


def test_of_labelled_models_the_score_sums_over_the_classes(done):
  assert done(given=('label',))['failure'] == 'scores higher than the test set: smoothed, constant'


def test_made_sets_differ_in_what_they_say():
  x = np.arange(2 * 4 * 4 * 2).reshape(2, 4, 4, 2).astype(np.uint8)
  sets = outliers.made(x, Field('image', (4, 4, 2), 256), jax.random.key(0))
  np.testing.assert_array_equal(sets['inverted'], 255 - x)
  np.testing.assert_array_equal(sets['constant'], np.rint(x.mean((1, 2), keepdims=True)) * np.ones_like(x))
  np.testing.assert_array_equal(sets['smoothed'][:, 1:3, 1:3], x[:, 1:3, 1:3])  # a plane is its own average
  pixels = lambda y: sorted(map(tuple, y[0].reshape(-1, 2).tolist()))  # noqa: E731
  assert pixels(sets['permuted']) == pixels(x)
  assert (sets['permuted'] != x).any()
  assert all(y.dtype == x.dtype and y.shape == x.shape for y in sets.values())
  real = np.float32(x / 32 - 1)
  sets = outliers.made(real, Field('image', (4, 4, 2), 0), jax.random.key(0))
  np.testing.assert_allclose(sets['inverted'], -real)
  assert np.abs(sets['noise']).max() <= 1
  assert all(y.dtype == np.float32 for y in sets.values())


def test_levels_of_other_images_become_those_of_the_model():
  x, own = np.array([0, 128, 255], np.uint8), Field('image', (1, 1, 1), 256)
  assert outliers.matched(x, own, Field('image', (1, 1, 1), 17)).tolist() == [0, 8, 16]
  assert outliers.matched(x, own, own) is x
  real = outliers.matched(x, own, Field('image', (1, 1, 1), 0))
  np.testing.assert_allclose(real, x / 127.5 - 1, atol=1e-6)
  assert outliers.matched(real, Field('image', (1, 1, 1), 0), own).tolist() == [0, 128, 255]


def test_no_failure_is_said_where_there_is_none():
  assert (
    outliers.failure({'a': (0.48, 0.02), 'b': (1.0, 0.0)}, 'test') == 'no set scores higher than the test set'
  )
  assert outliers.failure({'a': (0.4, 0.02)}, 'test') == 'scores higher than the test set: a'


def other(monkeypatch, spec, arrays):
  """Any other data than those of the run."""
  own = data.load

  def load(config, split):
    return from_arrays('other', spec, arrays) if config.name == 'other' else own(config, split)

  monkeypatch.setattr(data, 'load', load)


def test_the_same_set_again_has_an_area_of_a_half(make, tmp_path, monkeypatch):
  arrays = {'train': noisy(300, 0), 'test': noisy(200, 1)}
  make(log_prob=log_prob, arrays=arrays)
  other(monkeypatch, IMAGES, arrays['test'])
  written = uses.use(tmp_path, options=uses.Options(use=('outliers',), against='other'))
  record = json.loads(written['outliers.json'].read_text())
  found = record['sets']['other']
  assert (found['auc'], found['typicality_auc']) == (pytest.approx(0.5), pytest.approx(0.5))
  assert record['failure'] == 'scores higher than the test set: smoothed, constant'  # and not: other


@pytest.mark.parametrize(
  ('spec', 'given', 'sentence'),
  [
    (
      {'x': Field('image', (8, 8, 3), 256)},
      (),
      r'its examples are of kind image and shape \(8, 8, 3\), and those',
    ),
    ({'x': Field('tokens', (8,), 256)}, (), 'its examples are of kind tokens'),
    (IMAGES, ('y',), 'the model is given y, which only its own data have'),
  ],
)
def test_data_that_the_model_cannot_score_are_refused(make, tmp_path, monkeypatch, spec, given, sentence):
  own = {**IMAGES, 'y': Field('image', (8, 8, 1), 17)} if given else IMAGES
  make(own, given)
  other(monkeypatch, spec, {'x': np.zeros((4, *spec['x'].shape), np.uint8)})
  with pytest.raises(UserError, match=f'--against=other cannot be used: {sentence}'):
    uses.use(tmp_path, options=uses.Options(use=('outliers',), against='other'))
  assert not (tmp_path / 'sampled').exists()


@pytest.mark.parametrize('name', ['toy:rings', 'synthetic:banana_6', 'text:stdlib'])
def test_data_that_are_no_images_are_refused_as_such(make, tmp_path, monkeypatch, name):
  """The size that other images are brought to is not what is wrong with them."""
  load = data.load
  make()
  monkeypatch.setattr(data, 'load', load)
  with pytest.raises(UserError) as error:
    uses.use(tmp_path, options=uses.Options(use=('outliers',), against=name))
  sentence = 'it holds no images, and those of the run are of shape (8, 8, 1).'
  assert str(error.value) == f'--against={name} cannot be used: {sentence}'


def test_data_that_cannot_be_read_are_refused_by_the_name_of_the_option(make, tmp_path, monkeypatch):
  load = data.load
  make()
  monkeypatch.setattr(data, 'load', load)
  with pytest.raises(
    UserError, match='--against=folder:/nowhere cannot be used: There is no folder /nowhere'
  ):
    uses.use(tmp_path, options=uses.Options(use=('outliers',), against='folder:/nowhere'))
