"""Attribute vectors against closed forms: of a linear model they are differences of means of the data themselves."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import uses
from jaxgen.errors import UserError
from jaxgen.types import Field
from jaxgen.uses.latents import attributes
from tests.uses.conftest import IMAGES, labelled

VECTORS = {'x': Field('vector', (3,), 0), 'label': Field('label', (), 3)}
MIX = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]], np.float32)
MEANS = np.array([[1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [3.0, 3.0, 3.0]])


def encode(params, extra, rng, batch):
  z = batch['x'] @ jnp.asarray(MIX)
  return (z[:, :1], z[:, 1:].reshape(-1, 2, 1))  # a tuple, as a multi-scale flow has


def decode(params, extra, latents, given=None):
  first, rest = latents
  return jnp.concatenate([first, rest.reshape(-1, 2)], -1) @ jnp.asarray(np.linalg.inv(MIX))


def gaussians(num, seed=0):
  rng = np.random.default_rng(seed)
  label = np.arange(num) % 3
  x = MEANS[label] + rng.normal(size=(num, 3))
  return {'x': x.astype(np.float32), 'label': label.astype(np.uint8)}


@pytest.fixture
def moved(make, tmp_path, monkeypatch):
  """`moved(**options) -> (record, x[strengths, rows, 3])` of a linear model of Gaussian classes."""
  drawn = []
  arrays = {'train': gaussians(90), 'test': gaussians(30, 1)}
  original = attributes._moved
  monkeypatch.setattr(attributes, '_moved', lambda *args: drawn.append(original(*args)) or drawn[-1])

  def run(**options):
    make(VECTORS, encode=encode, decode=decode, arrays=arrays)
    written = uses.use(tmp_path, options=uses.Options(use=('attributes',), **options))
    return json.loads(written['attributes.json'].read_text()), drawn[-1], arrays

  return run


def test_of_a_linear_model_an_attribute_is_the_difference_of_means(moved):
  record, x, arrays = moved()
  train, test = arrays['train'], arrays['test']
  mean = lambda keep: train['x'][keep].mean(0)  # noqa: E731
  for index, row in enumerate(record['rows']):
    assert test['label'][row['place']] == row['label'] != row['attribute'] == index
    there = train['label'] == row['attribute']
    for strength, moved_x in zip(record['strengths'], x[:, index], strict=True):
      expected = test['x'][row['place']] + strength * (mean(there) - mean(~there))
      np.testing.assert_allclose(moved_x, expected, atol=1e-4)
  assert record['strengths'][0] == -2 and record['strengths'][-1] == 2
  assert (record['means_of'], record['examples_per_class']) == ('train', [30, 30, 30])


def test_one_class_less_another_on_examples_of_the_other(moved):
  """At strength 1 what is of class 2 has the mean of class 0, as it should."""
  record, x, arrays = moved(attribute='0,2')
  train, places = arrays['train'], [row['place'] for row in record['rows']]
  assert [row['label'] for row in record['rows']] == [2] * 8
  difference = train['x'][train['label'] == 0].mean(0) - train['x'][train['label'] == 2].mean(0)
  at_one = x[record['strengths'].index(1.0)]
  np.testing.assert_allclose(at_one, arrays['test']['x'][places] + difference, atol=1e-4)


def test_one_attribute_is_shown_on_several_examples_of_other_classes(moved):
  record, _, _ = moved(attribute='1')
  assert {row['attribute'] for row in record['rows']} == {1}
  assert {row['label'] for row in record['rows']} == {0, 2}


def test_a_class_without_examples_has_no_vector():
  with pytest.raises(UserError, match='there are none of class 2'):
    attributes.vector(np.zeros((3, 2)), np.array([0, 1, 1]), 0, 2)
  with pytest.raises(UserError, match='there are none of others'):
    attributes.vector(np.zeros((3, 2)), np.zeros(3), 0)


@pytest.mark.parametrize(
  ('given', 'attribute', 'sentence'),
  [
    (('label',), '', '--use=attributes needs labels that are not given'),
    ((), '10', '--attribute=10 is no label; there are 10, from 0 to 9'),
    ((), '3,3', '--attribute=3,3 cannot be used; it is one class, or two that differ'),
    ((), '1,2,3', '--attribute=1,2,3 cannot be used; it is one class, or two that differ'),
    ((), 'three', '--attribute=three cannot be used; it must be a whole number'),
  ],
)
def test_what_is_no_attribute_is_refused(make, tmp_path, given, attribute, sentence):
  make(given=given)
  with pytest.raises(UserError, match=sentence):
    uses.use(tmp_path, options=uses.Options(use=('attributes',), attribute=attribute))
  assert not (tmp_path / 'sampled').exists()


def test_an_attribute_of_data_without_labels_is_refused(make, tmp_path):
  spec = {'x': IMAGES['x']}
  make(spec, arrays={split: {'x': labelled(20, IMAGES)['x']} for split in ('train', 'test')})
  with pytest.raises(UserError, match='--attribute is a class, and these data have no labels'):
    uses.use(tmp_path, options=uses.Options(attribute='3'))
