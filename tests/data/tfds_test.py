import os
import subprocess
import sys

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import splits
from jaxgen.errors import UserError


@pytest.fixture
def sets(tmp_path, monkeypatch):
  """An empty folder for prepared sets."""
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  return tmp_path


@pytest.mark.slow
def test_cifar10_is_the_original(real_sets, settings):
  import tensorflow_datasets as tfds

  source = data.load(settings('tfds:cifar10'), 'train')
  reference = tfds.data_source('cifar10', split='train', data_dir=real_sets)
  ids = [reference[index]['id'].decode() for index in range(5)]
  assert ids == ['train_16399', 'train_01680', 'train_47917', 'train_17307', 'train_27051']
  first = source.examples(np.arange(5))
  for index in range(5):
    np.testing.assert_array_equal(first['x'][index], reference[index]['image'])
    assert first['label'][index] == reference[index]['label']
  arrays = source.resident()
  assert np.bincount(arrays['label']).tolist() == [5000] * 10
  np.testing.assert_array_equal(arrays['x'][:5], first['x'])


@pytest.mark.parametrize(
  ('name', 'counts'),
  [('mnist', [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]), ('cifar10', [1000] * 10)],
)
def test_the_real_test_splits(real_sets, settings, name, counts):
  source = data.load(settings(f'tfds:{name}'), 'test')
  assert np.bincount(source.resident()['label']).tolist() == counts


def test_lfw_is_divided(real_sets, settings):
  train, test = (data.load(settings('tfds:lfw_subset64'), split) for split in ('train', 'test'))
  assert (len(train), len(test)) == (6931, 770)
  assert 'train[90%:]' in test.name


def test_a_tenth_of_train_stands_in_for_test(sets, prepare, pixels, settings):
  x = pixels(30, 4, 4)
  prepare(sets, 'made', (4, 4, 3), {'train': x})
  train, test = (data.load(settings('tfds:made'), split).resident() for split in ('train', 'test'))
  np.testing.assert_array_equal(np.concatenate([train['x'], test['x']]), x)
  np.testing.assert_array_equal(np.concatenate([train['label'], test['label']]), np.arange(30) % 3)
  assert len(test['x']) == 3


@pytest.mark.parametrize('held_out', ['test', 'validation'])
def test_a_split_of_its_own(sets, prepare, pixels, settings, held_out):
  x = pixels(12, 4, 4, 1)
  prepare(sets, 'made', (4, 4, 1), {'train': x[:8], held_out: x[8:]})
  np.testing.assert_array_equal(data.load(settings('tfds:made'), 'test').resident()['x'], x[8:])
  assert len(data.load(settings('tfds:made'), 'train')) == 8


def test_a_validation_split_of_its_own(sets, prepare, pixels, settings):
  x = pixels(12, 4, 4, 1)
  prepare(sets, 'made', (4, 4, 1), {'train': x[:8], 'validation': x[8:10], 'test': x[10:]})
  train, held_out, test = (
    data.load(settings('tfds:made', validation=0.1), split).resident()['x'] for split in splits.SPLITS
  )
  np.testing.assert_array_equal(np.concatenate([train, held_out, test]), x)


def test_sizes_differ(sets, prepare, pixels, settings):
  prepare(sets, 'made', (None, None, 3), {'train': [*pixels(5, 4, 4), *pixels(5, 6, 9)]})
  with pytest.raises(UserError, match='--config.data.image_size'):
    data.load(settings('tfds:made'), 'train')
  assert data.load(settings('tfds:made', 8), 'train').resident()['x'].shape == (9, 8, 8, 3)


def test_not_prepared(sets, settings):
  with pytest.raises(UserError) as caught:
    data.load(settings('tfds:mnist'), 'train')
  message = str(caught.value)
  assert str(sets) in message
  assert "pip install 'jaxgen[tfds]' && python -c" in message
  assert "tfds.builder('mnist', file_format='array_record').download_and_prepare()" in message


def test_prepared_in_a_format_of_tensorflow(sets, prepare, pixels, settings):
  folder = prepare(sets, 'made', (4, 4, 3), {'train': pixels(3, 4, 4)}, suffix='tfrecord')
  with pytest.raises(UserError, match="only TensorFlow reads.*file_format='array_record'") as caught:
    data.load(settings('tfds:made'), 'train')
  assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
  ('name', 'says'),
  [
    ('mnits', 'mnist'),
    ('my_sett', 'my_set'),
    ('mnist:9.9.9', '3.0.1'),
    ('imagenet_resized/33x33', '32x32'),
    ('../x y', 'cannot be opened'),
    ('imdb_reviews', 'not prepared|has no 8-bit "image"'),
  ],
)
def test_names_that_are_none(sets, prepare, pixels, settings, name, says):
  prepare(sets, 'my_set', (4, 4, 3), {'train': pixels(3, 4, 4)})
  with pytest.raises(UserError, match=says) as caught:
    data.load(settings(f'tfds:{name}'), 'train')
  assert '\n' not in str(caught.value)


def test_a_damaged_file(sets, prepare, pixels, settings):
  folder = prepare(sets, 'made', (4, 4, 3), {'train': pixels(30, 4, 4)})
  source = data.load(settings('tfds:made'), 'train')
  (records,) = folder.glob('*train*')
  records.write_bytes(records.read_bytes()[:1000])
  with pytest.raises(UserError, match='cannot be read.*delete that folder and prepare'):
    source.examples(np.arange(3))


def test_preparing_anew_makes_the_cache_anew(sets, prepare, pixels, settings):
  x = pixels(20, 4, 4)
  folder = prepare(sets, 'made', (4, 4, 3), {'train': x})
  before = data.load(settings('tfds:made'), 'test').resident()['x']
  for path in folder.iterdir():
    path.unlink()
  folder.rmdir()
  prepare(sets, 'made', (4, 4, 3), {'train': 255 - x})
  np.testing.assert_array_equal(data.load(settings('tfds:made'), 'test').resident()['x'], 255 - before)


def test_quiet_and_without_tensorflow(sets, prepare, pixels):
  """A process that reads a set prints nothing and has not imported TensorFlow."""
  prepare(sets, 'made', (4, 4, 3), {'train': pixels(20, 4, 4)})
  program = (
    'import sys; from jaxgen import config, data; given = config.defaults(); given.data.name = "tfds:made"; '
    'assert len(data.load(given.data, "train").resident()["x"]) == 16; assert "tensorflow" not in sys.modules'
  )
  done = subprocess.run(
    [sys.executable, '-c', program],
    capture_output=True,
    text=True,
    env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    timeout=120,
  )
  assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
