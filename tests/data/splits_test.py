import os

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import splits
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import Field

SPEC = {'x': Field('vector', (2,), 0)}
PINNED = [9, 18, 29, 36]  # of 40: an existing run must find the split that it was trained with


@pytest.mark.parametrize(
  ('size', 'share', 'count'), [(1497, 0.1, 150), (7, 0.01, 1), (7, 0.99, 6), (300_000, 0.1, 10_000)]
)
def test_every_stretch_of_the_training_set_gives_one_example(size, share, count):
  kept, held_out = splits.places(size, share)
  assert len(held_out) == count
  np.testing.assert_array_equal(np.sort(np.concatenate([kept, held_out])), np.arange(size))
  in_each, _ = np.histogram(held_out, np.arange(count + 1) * size // count - 0.5)
  assert (in_each == 1).all()


@pytest.mark.parametrize('order', ['sorted', 'in turn'])
def test_classes_stay_in_proportion_however_they_are_ordered(order):
  """Every tenth example of ten classes that take turns would be of one class."""
  label = np.arange(50_000) * 10 // 50_000 if order == 'sorted' else np.arange(50_000) % 10
  _, held_out = splits.places(len(label), 0.1)
  assert np.bincount(label[held_out], minlength=10).min() > 430


def test_the_split_is_always_the_same():
  assert splits.places(40, 0.1)[1].tolist() == PINNED


def test_a_part_decodes_and_keeps_its_own_examples_alone(tmp_path, monkeypatch):
  monkeypatch.setenv('JAXGEN_CACHE', str(tmp_path))
  read = []

  def decode(indices):
    read.extend(indices.tolist())
    return {'x': np.stack([indices, indices], -1).astype(np.float32)}

  for _ in range(2):
    whole = Source('w', SPEC, 40, decode, cache_key='w')
    x = splits.divide(whole, 0.1, 'validation').resident()['x']
    assert x[:, 0].tolist() == PINNED
    assert whole.arrays is None
  assert sorted(read) == PINNED  # the second time they came from the disk
  assert len(os.listdir(tmp_path)) == 1
  train = splits.divide(whole, 0.1, 'train')
  assert len(train.resident()['x']) == 36
  assert not set(train.resident()['x'][:, 0]) & set(PINNED)


def test_too_few_to_divide():
  with pytest.raises(UserError, match='too few examples to hold one out.*validation=0'):
    splits.divide(from_arrays('one', SPEC, {'x': np.zeros((1, 2), np.float32)}), 0.1, 'train')


def test_classes_are_held_out_of_training_and_stay_in_the_test_split(settings):
  for split in ('train', 'validation', 'test'):
    whole = data.load(settings('digits', validation=0.1), split)
    part = data.load(settings('digits', validation=0.1, without=(3, 7)), split)
    kept = np.ones(len(whole), bool) if split == 'test' else ~np.isin(whole.resident()['label'], (3, 7))
    for name, value in whole.resident().items():
      np.testing.assert_array_equal(part.resident()[name], value[kept])
    assert part.spec == whole.spec


def test_classes_are_held_out_of_a_set_that_is_not_in_memory(settings, monkeypatch):
  expected = data.load(settings('digits', without=(3,)), 'train').resident()
  monkeypatch.setattr('jaxgen.data.source.RESIDENT_BYTES', 0)
  streamed = data.load(settings('digits', without=(3,)), 'train')
  assert streamed.resident() is None
  np.testing.assert_array_equal(streamed.examples(np.arange(len(streamed)))['label'], expected['label'])


@pytest.mark.parametrize(
  ('name', 'classes', 'sentence'),
  [
    ('digits', tuple(range(10)), 'leaves nothing of digits'),
    ('digits', (3, 10), 'names class 10; the classes of digits .* are 0 to 9'),
    ('toy:rings', (0,), 'has no labels'),
  ],
)
def test_classes_that_cannot_be_held_out(settings, name, classes, sentence):
  with pytest.raises(UserError, match=sentence):
    data.load(settings(name, without=classes), 'train')
