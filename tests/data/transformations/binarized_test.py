"""Binarized images: one draw for all runs, of the intensities, by split and place."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data.joined import Joined
from jaxgen.data.source import Source, from_arrays
from jaxgen.data.splits import SPLITS
from jaxgen.data.transformations.binarized import Redrawn, binarized, drawn
from jaxgen.errors import UserError
from jaxgen.types import Field


def test_a_pixel_is_on_as_often_as_it_is_bright():
  x = np.tile(np.array([0, 4, 12, 16], np.uint8), (3000, 25, 1)).reshape(3000, 10, 10, 1)
  found = drawn(x, np.arange(3000), 'train', 17)
  assert found.dtype == np.uint8 and found.shape == x.shape
  rates = [found[x == level].mean() for level in (0, 4, 12, 16)]
  np.testing.assert_allclose(rates, [0, 0.25, 0.75, 1], atol=0.005)
  assert rates[0] == 0 and rates[3] == 1


def test_the_draw_is_of_the_place_and_the_split_alone():
  x = np.full((5, 4, 4, 1), 8, np.uint8)
  places = np.arange(5)
  whole = drawn(x, places, 'train', 17)
  np.testing.assert_array_equal(drawn(x[[3, 1]], places[[3, 1]], 'train', 17), whole[[3, 1]])
  assert (drawn(x, places, 'test', 17) != whole).any() and (whole[0] != whole[1]).any()
  # what was drawn once is drawn for ever: results of many years are of these very images
  assert hashlib.sha256(whole.tobytes()).hexdigest()[:16] == 'a08c2c0aec156ffd'


def test_a_partner_at_the_same_place_has_a_draw_of_its_own():
  x = np.full((5, 4, 4, 1), 8, np.uint8)
  one = from_arrays('greys', {'x': Field('image', (4, 4, 1), 17)}, {'x': x})
  found = (
    Joined('two', one, one, paired=True).each(lambda part, field: binarized(part, 'train', field)).resident()
  )
  np.testing.assert_array_equal(found['x'], drawn(x, np.arange(5), 'train', 17))
  assert 0.3 < (found['x'] != found['y']).mean() < 0.7
  assert all((found['y'] != drawn(x, np.arange(5), split, 17)).any() for split in SPLITS)


@pytest.mark.parametrize('validation', [0.0, 0.1])
def test_every_split_has_two_levels_and_what_is_held_out_changes_no_image(settings, validation):
  for split in ('train', 'validation', 'test') if validation else ('train', 'test'):
    found = data.load(settings('digits', validation=validation, binarized=True), split)
    plain = data.load(settings('digits', validation=validation), split)
    assert found.spec['x'] == Field('image', (8, 8, 1), 2)
    arrays, grey = found.resident(), plain.resident()
    assert set(np.unique(arrays['x'])) == {0, 1}
    np.testing.assert_array_equal(arrays['label'], grey['label'])
    assert arrays['x'][grey['x'] == 0].max() == 0 and arrays['x'][grey['x'] == 16].min() == 1
  whole = data.load(settings('digits', binarized=True), 'train').resident()['x']
  part = data.load(settings('digits', validation=0.1, binarized=True), 'train').resident()['x']
  assert {image.tobytes() for image in part} <= {image.tobytes() for image in whole}


def test_images_that_are_read_one_by_one_are_those_of_the_whole():
  x = np.full((6, 4, 4, 1), 8, np.uint8)
  spec = {'x': Field('image', (4, 4, 1), 17)}
  source = binarized(Source('six', spec, 6, lambda places: {'x': x[places]}), 'train')
  whole = source.examples(np.arange(6))['x']
  np.testing.assert_array_equal(source.examples(np.array([4, 2]))['x'], whole[[4, 2]])
  np.testing.assert_array_equal(source.resident()['x'], whole)
  assert source.cache_key == ''


def test_what_is_no_image_is_not_binarized(settings):
  with pytest.raises(UserError, match='data.binarized is of images, and .* holds vector data'):
    data.load(settings('toy:rings', binarized=True), 'train')


def test_training_images_are_drawn_as_often_as_asked_and_what_is_held_out_once(settings):
  once, often = (
    settings('digits', validation=0.1, binarized=True, binarized_draws=draws) for draws in (1, 50)
  )
  grey = data.load(settings('digits', validation=0.1), 'train').resident()
  train = data.training_set(often)
  assert len(train) == 50 * len(grey['x']) and train.spec['x'] == Field('image', (8, 8, 1), 2)
  of_one = train.examples(7 + len(grey['x']) * np.arange(50))
  assert set(of_one['label']) == {grey['label'][7]}
  # 50 draws of 64 pixels: a mean is within 5 standard errors of its intensity, and no two draws are one
  np.testing.assert_allclose(of_one['x'].mean(0), grey['x'][7] / 16, atol=5 * 0.5 / 50**0.5)
  assert len({image.tobytes() for image in of_one['x']}) == 50
  for split in ('validation', 'test'):
    np.testing.assert_array_equal(
      data.load(often, split).resident()['x'], data.load(once, split).resident()['x']
    )
  # measures and uses read the one draw, which is none of the fifty
  measured = data.load(often, 'train').resident()['x']
  np.testing.assert_array_equal(measured, data.load(once, 'train').resident()['x'])
  assert measured[7].tobytes() not in {image.tobytes() for image in of_one['x']}


def test_a_draw_of_many_is_of_its_place_alone():
  x = np.full((6, 4, 4, 1), 8, np.uint8)
  source = from_arrays('greys', {'x': Field('image', (4, 4, 1), 17)}, {'x': x})
  found = Redrawn(source, 3)
  whole = found.examples(np.arange(18))['x']
  np.testing.assert_array_equal(found.examples(np.array([17, 2, 8]))['x'], whole[[17, 2, 8]])
  assert len({image.tobytes() for image in whole}) == 18
  other = Redrawn(source, 3, 'y').examples(np.arange(18))['x']
  assert 0.3 < (whole != other).mean() < 0.7
  assert hashlib.sha256(whole.tobytes()).hexdigest()[:16] == 'a95627a9c787cc47'


def test_an_epoch_has_every_image_once_by_the_next_draw():
  x = np.full((6, 2, 2, 1), 8, np.uint8)
  source = Redrawn(from_arrays('greys', {'x': Field('image', (2, 2, 1), 17)}, {'x': x}), 3)
  seen = np.concatenate([source.indices(seed=0, step=step, batch_size=4) for step in range(6)])
  for epoch, indices in enumerate(seen.reshape(4, 6)):
    draws, places = np.divmod(indices, 6)
    assert set(draws) == {epoch % 3} and set(places) == set(range(6))


def test_an_image_is_decoded_once_by_many_threads():
  reads = []
  spec = {'x': Field('image', (2, 2, 1), 17)}

  def read(places):
    reads.append(len(places))
    return {'x': np.full((len(places), 2, 2, 1), 8, np.uint8)}

  source = Redrawn(Source('greys', spec, 50, read), 4)
  with ThreadPoolExecutor(8) as threads:
    list(threads.map(source.examples, [np.arange(start, 200, 8) for start in range(8)]))
  assert sum(reads) == 50


@pytest.mark.parametrize(
  'changes', [{'twin': ('inverted',)}, {'twin': ('inverted',), 'paired': False}, {'without': (3, 4)}]
)
def test_many_draws_have_twins_and_classes_held_out_as_one_has(settings, changes):
  train = data.training_set(settings('digits', binarized=True, binarized_draws=3, **changes))
  plain = data.load(settings('digits', **changes), 'train')
  assert len(train) == 3 * len(plain)
  examples = train.examples(train.indices(seed=0, step=0, batch_size=16))
  assert 'without' not in changes or not set(examples['label']) & {3, 4}
  if changes.get('paired', 'twin' in changes):
    np.testing.assert_array_equal(examples['y'], 1 - examples['x'])


def test_many_draws_are_of_binarized_images(settings):
  with pytest.raises(
    UserError, match='binarized_draws=5 is of binarized images; add --config.data.binarized=True'
  ):
    data.training_set(settings('digits', binarized_draws=5))
  with pytest.raises(UserError, match='binarized_draws=5'):
    data.usual.training_set(settings('tfds:mnist', binarized_draws=5))
