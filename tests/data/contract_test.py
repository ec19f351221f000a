"""What holds for every source."""

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import splits, toy
from jaxgen.errors import UserError

# {source: (shape, levels, classes)}; those without a colon are made by the fixture
SOURCES = {
  'digits': ((8, 8, 1), 17, 10),
  **{f'toy:{name}': ((2,), 0, 0) for name in toy.DENSITIES},
  'npz images': ((6, 6, 3), 256, 3),
  'npz vectors': ((5,), 0, 3),
  'folder colour': ((12, 10, 3), 256, 2),
  'folder grey': ((9, 9, 1), 256, 0),
  'tfds made': ((8, 6, 3), 256, 3),
  'tfds:mnist': ((28, 28, 1), 256, 10),
  'tfds:cifar10': ((32, 32, 3), 256, 10),
  'tfds:lfw_subset64': ((64, 64, 3), 256, 0),
}


@pytest.fixture(params=SOURCES)
def named(request, tmp_path, monkeypatch, pixels, write_image, prepare):
  """`(name, spec)` of each source in turn."""
  kind = request.param
  name = kind
  if kind.startswith('npz'):
    x = pixels(40, 6, 6) if kind == 'npz images' else np.random.default_rng(0).normal(size=(40, 5))
    np.savez(tmp_path / 'mine.npz', x=x, label=np.arange(40) % 3)
    name = f'npz:{tmp_path / "mine.npz"}'
  elif kind.startswith('folder'):
    shape = (12, 10, 3) if kind == 'folder colour' else (9, 9, 1)
    for index, image in enumerate(pixels(30, *shape)):
      place = ('a', 'b')[index % 2] if kind == 'folder colour' else ''
      write_image(tmp_path / place / f'{index}.png', image)
    name = f'folder:{tmp_path}'
  elif kind == 'tfds made':
    prepare(tmp_path, 'made', (8, 6, 3), {'train': pixels(30, 8, 6)})
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    name = 'tfds:made'
  elif kind.startswith('tfds'):
    request.getfixturevalue('real_sets')
  return name, SOURCES[kind]


def test_every_source(named, settings):
  name, (shape, levels, classes) = named
  for split in ('train', 'validation', 'test'):
    source = data.load(settings(name, validation=0.1), split)
    assert tuple(source.spec) == (shape, levels, classes)
    assert len(source) > 0
    places = np.array([0, len(source) - 1, 0, len(source) // 2])
    some = source.examples(places)
    _check(some, 4, shape, levels, classes)
    np.testing.assert_array_equal(some['x'][0], some['x'][2])
    again = data.load(settings(name, validation=0.1), split).examples(places)
    for key, value in some.items():
      np.testing.assert_array_equal(value, again[key])


def test_all_at_once_is_one_by_one(named, settings):
  name, (shape, levels, classes) = named
  source = data.load(settings(name), 'test')
  before = source.examples(np.arange(min(50, len(source))))
  everything = source.resident()
  _check(everything, len(source), shape, levels, classes)
  after = source.examples(np.arange(len(source)))
  for key, value in everything.items():
    np.testing.assert_array_equal(value, after[key])
    np.testing.assert_array_equal(value[:50], before[key])


def test_train_and_validation_divide_the_training_set(named, settings):
  name, _ = named
  brings_its_own = name.startswith('toy')
  train, held_out = (data.load(settings(name, validation=0.1), split) for split in ('train', 'validation'))
  everything = data.load(settings(name), 'train')
  assert (len(train) + len(held_out) == len(everything)) != brings_its_own
  if not brings_its_own:
    assert len(held_out) == min(splits.MOST, round(len(everything) / 10))
    kept, chosen = splits.places(len(everything), 0.1)
    for part, places in ((train, kept[:20]), (held_out, chosen[:20])):
      found, expected = part.examples(np.arange(len(places))), everything.examples(places)
      for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


def test_image_size(named, settings):
  name, (shape, levels, classes) = named
  if len(shape) == 1:
    with pytest.raises(UserError, match='image_size'):
      data.load(settings(name, 16), 'train')
    return
  source = data.load(settings(name, 16), 'train')
  assert source.spec.shape == (16, 16, shape[2])
  _check(source.examples(np.arange(5)), 5, (16, 16, shape[2]), levels, classes)


def _check(arrays, num, shape, levels, classes):
  assert set(arrays) == ({'x', 'label'} if classes else {'x'})
  x = arrays['x']
  assert x.shape == (num, *shape)
  assert x.dtype == (np.uint8 if levels else np.float32)
  assert np.isfinite(x).all()
  if levels:
    assert x.max() < levels
    assert x.std() > 0
  if classes:
    label = arrays['label']
    assert label.shape == (num,)
    assert label.dtype == np.int32
    assert label.min() >= 0
    assert label.max() < classes
