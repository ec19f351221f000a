"""What holds for every source."""

import numpy as np
import pytest
from scipy.io import wavfile

from jaxgen import data, fields
from jaxgen.data import splits, synthetic, toy
from jaxgen.errors import UserError
from jaxgen.types import Field


def images(shape, levels=256, classes=0):
  return {'x': Field('image', shape, levels)} | ({'label': Field('label', (), classes)} if classes else {})


# {source: its fields}; those without a colon are made by the fixture
SOURCES = {
  'digits': images((8, 8, 1), 17, 10),
  **{f'toy:{name}': {'x': Field('vector', (2,), 0)} for name in toy.DENSITIES},
  **{
    f'synthetic:{family}_{dims}': {'x': Field('vector', (dims,), 0)}
    for family, dims in zip(synthetic.FAMILIES, (6, 21, 8), strict=True)
  },
  'npz images': images((6, 6, 3), 256, 3),
  'npz vectors': {'x': Field('vector', (5,), 0), 'label': Field('label', (), 3)},
  'folder colour': images((12, 10, 3), 256, 2),
  'folder grey': images((9, 9, 1)),
  'npz codes': {
    'x': Field('tokens', (4, 4), 64),
    'mask': Field('mask', (3,), 2),
    'y': Field('vector', (2,), 0),
  },
  'pairs': {'x': Field('image', (12, 10, 3), 256), 'y': Field('image', (6, 6, 1), 256)},
  'domains': {'x': Field('image', (12, 10, 3), 256), 'y': Field('image', (6, 6, 1), 256)},
  'table': {'x': Field('table', (3,), 0), 'observed': Field('mask', (3,), 2)},
  'text': {'x': Field('tokens', (16,), 29)},
  'markov:5': {'x': Field('tokens', (16,), 5)},
  'markov:300': {'x': Field('tokens', (16,), 300)},
  'audio': {'x': Field('audio', (16, 1), 256)},
  'audio:strings': {'x': Field('audio', (16, 1), 256), 'pitch': Field('label', (), 13)},
  'npz audio': {'x': Field('audio', (16, 1), 1024)},
  'tfds made': images((8, 6, 3), 256, 3),
  'tfds:mnist': images((28, 28, 1), 256, 10),
  'tfds:cifar10': images((32, 32, 3), 256, 10),
  'tfds:lfw_subset64': images((64, 64, 3)),
}


def archive(kind, pixels):
  rng = np.random.default_rng(0)
  if kind == 'npz codes':
    x = rng.integers(0, 50, (40, 4, 4))
    given = {'mask': rng.random((40, 3)) < 0.5, 'y': rng.normal(size=(40, 2)).astype(np.float32)}
    return {'x': x, 'kind': 'tokens', 'levels': 64, 'step': 3, **given}
  if kind == 'npz audio':
    return {'x': rng.integers(0, 1024, (40, 16, 1)), 'kind': 'audio', 'levels': 1024}
  x = pixels(40, 6, 6) if kind == 'npz images' else rng.normal(size=(40, 5))
  return {'x': x, 'label': np.arange(40) % 3}


@pytest.fixture(params=SOURCES)
def named(request, tmp_path, monkeypatch, pixels, write_image, prepare):
  """`(name, spec)` of each source in turn."""
  kind = request.param
  name = kind
  if kind.startswith('npz'):
    np.savez(tmp_path / 'mine.npz', **archive(kind, pixels))
    name = f'npz:{tmp_path / "mine.npz"}'
  elif kind.startswith('folder'):
    shape = (12, 10, 3) if kind == 'folder colour' else (9, 9, 1)
    for index, image in enumerate(pixels(30, *shape)):
      place = ('a', 'b')[index % 2] if kind == 'folder colour' else ''
      write_image(tmp_path / place / f'{index}.png', image)
    name = f'folder:{tmp_path}'
  elif kind in ('pairs', 'domains'):
    for index in range(30):
      write_image(tmp_path / 'a' / f'{index}.png', pixels(1, 12, 10)[0])
      write_image(tmp_path / 'b' / f'{index}.png', pixels(1, 6, 6, 1)[0])
    name = f'{kind}:{tmp_path}'
  elif kind == 'text':
    (tmp_path / 'mine.txt').write_text('the quick brown fox jumps over the lazy dog\n' * 40)
    name = f'text:{tmp_path / "mine.txt"}'
  elif kind == 'audio':
    for number in range(12):
      sound = (2**14 * np.sin(np.arange(200) / (2 + number))).astype(np.int16)
      wavfile.write(tmp_path / f'{number}.wav', 8000, sound)
    name = f'audio:{tmp_path}'
  elif kind == 'table':
    rows = [f'{row % 7},{("a", "b")[row % 2]},{row / 3 if row % 5 % 2 else ""}' for row in range(60)]
    (tmp_path / 'mine.csv').write_text('\n'.join(['first,second,third', *rows]))
    name = f'table:{tmp_path / "mine.csv"}'
  elif kind == 'tfds made':
    prepare(tmp_path, 'made', (8, 6, 3), {'train': pixels(30, 8, 6)})
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    name = 'tfds:made'
  elif kind.startswith('tfds'):
    request.getfixturevalue('real_sets')
  return name, SOURCES[kind]


def test_every_source(named, settings):
  name, spec = named
  for split in ('train', 'validation', 'test'):
    source = data.load(settings(name, validation=0.1, context=16), split)
    assert source.spec == spec
    assert len(source) > 0
    places = np.array([0, len(source) - 1, 0, len(source) // 2])
    some = source.examples(places)
    _check(some, 4, spec)
    np.testing.assert_array_equal(some['x'][0], some['x'][2])
    again = data.load(settings(name, validation=0.1, context=16), split).examples(places)
    for key, value in some.items():
      np.testing.assert_array_equal(value, again[key])


def test_all_at_once_is_one_by_one(named, settings):
  name, spec = named
  source = data.load(settings(name, context=16), 'test')
  before = source.examples(np.arange(min(50, len(source))))
  everything = source.resident()
  _check(everything, len(source), spec)
  after = source.examples(np.arange(len(source)))
  for key, value in everything.items():
    np.testing.assert_array_equal(value, after[key])
    np.testing.assert_array_equal(value[:50], before[key])


def test_train_and_validation_divide_the_training_set(named, settings):
  name, _ = named
  brings_its_own = name.startswith(('toy', 'synthetic', 'text', 'table', 'markov', 'audio'))
  train, held_out = (
    data.load(settings(name, validation=0.1, context=16), split) for split in ('train', 'validation')
  )
  everything = data.load(settings(name, context=16), 'train')
  if not brings_its_own:
    assert len(train) + len(held_out) == len(everything)
    assert len(held_out) == min(splits.MOST, round(len(everything) / 10))
    kept, chosen = splits.places(len(everything), 0.1)
    for part, places in ((train, kept[:20]), (held_out, chosen[:20])):
      found, expected = part.examples(np.arange(len(places))), everything.examples(places)
      for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


def test_image_size(named, settings):
  name, spec = named
  if spec['x'].kind != 'image':
    with pytest.raises(UserError, match='image_size'):
      data.load(settings(name, 16, context=16), 'train')
    return
  source = data.load(settings(name, 16, context=16), 'train')
  resized = {
    name: field._replace(shape=(16, 16, field.shape[2])) if field.kind == 'image' else field
    for name, field in spec.items()
  }
  assert source.spec == resized
  _check(source.examples(np.arange(5)), 5, resized)


def _check(arrays, num, spec):
  assert list(arrays) == list(spec)
  for name, field in spec.items():
    array = arrays[name]
    assert array.shape == (num, *field.shape)
    assert array.dtype == fields.dtype(field)
    assert np.isfinite(array).all()
    if field.levels:
      assert array.max() < field.levels
    if field.kind != 'label':
      assert array.std() > 0
