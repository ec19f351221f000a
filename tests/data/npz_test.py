import io
import os
import zipfile

import numpy as np
import pytest

from jaxgen import data
from jaxgen.errors import UserError
from jaxgen.types import Field


@pytest.fixture
def load(tmp_path, settings):
  """`(split, image_size=0, **arrays) -> source`: writes the arrays and opens the file."""

  def make(split, image_size=0, **arrays):
    np.savez(tmp_path / 'mine.npz', **arrays)
    return data.load(settings(f'npz:{tmp_path / "mine.npz"}', image_size), split)

  return make


IMAGES = np.arange(40 * 12, dtype=np.uint16).astype(np.uint8).reshape(40, 4, 3)
VECTORS = np.arange(80.0).reshape(40, 2)
LABELS = np.arange(40) % 4


def test_one_array_is_divided(load):
  train, test = (load(split, x=VECTORS, label=LABELS).resident() for split in ('train', 'test'))
  assert (len(train['x']), len(test['x'])) == (36, 4)
  together = np.concatenate([train['x'], test['x']])
  assert sorted(together[:, 0]) == VECTORS[:, 0].tolist()
  for arrays in (train, test):
    np.testing.assert_array_equal(arrays['label'], (arrays['x'][:, 0] / 2).astype(int) % 4)


def test_two_splits(load):
  arrays = {
    'x_train': IMAGES[:30],
    'x_test': IMAGES[30:],
    'label_train': LABELS[:30] % 2,
    'label_test': LABELS[30:],
  }
  train, test = (load(split, **arrays) for split in ('train', 'test'))
  assert (
    train.spec == test.spec == {'x': Field('image', (4, 3, 1), 256), 'label': Field('label', (), 4)}
  )  # the largest label is in the test split
  np.testing.assert_array_equal(test.resident()['x'][..., 0], IMAGES[30:])
  np.testing.assert_array_equal(train.resident()['label'], LABELS[:30] % 2)


def test_levels(load):
  assert load('train', x=IMAGES % 10, levels=10).spec['x'].levels == 10
  assert load('train', 8, x=IMAGES % 10, levels=10).resident()['x'].max() <= 9
  with pytest.raises(
    UserError, match='levels is 10, but the largest pixel is 11; set levels to a number from 12'
  ):
    load('train', x=IMAGES % 12, levels=10)
  with pytest.raises(UserError, match='levels'):
    load('train', x=IMAGES, levels=[1, 2])
  with pytest.raises(UserError, match='levels'):
    load('train', x=IMAGES, levels='many')


BAD = {
  'no such key': ({'images': IMAGES, 'y': LABELS}, 'holds images, y; it needs x_train'),
  'one split': ({'x_train': IMAGES}, 'holds x_train; it needs'),
  'a number': ({'x': np.uint8(3)}, r'x is uint8\[\]; images are'),
  'float images': ({'x': IMAGES[..., None] / 255}, r'x is float64\[40, 4, 3, 1\]; images are uint8'),
  'two channels': ({'x': np.zeros((4, 5, 5, 2), np.uint8)}, r'uint8\[4, 5, 5, 2\]'),
  'channels first': ({'x': np.zeros((4, 3, 8, 8), np.uint8)}, r'uint8\[4, 3, 8, 8\]'),
  'integers': ({'x': np.zeros((4, 5), np.int64)}, r'int64\[4, 5\]'),
  'text': ({'x': np.array(['a', 'b'])}, 'images are uint8'),
  'not finite': ({'x': np.array([[1.0, np.nan]] * 9)}, 'not finite'),
  'empty': ({'x': VECTORS[:0]}, 'split "train" of .* is empty'),
  'one example': ({'x': VECTORS[:1]}, 'split "train" of .* is empty'),
  'fewer labels': ({'x': VECTORS, 'label': LABELS[:9]}, r'40 examples, but label has the shape \[9\]'),
  'one label': ({'x': VECTORS, 'label': 3}, r'label has the shape \[\]'),
  'negative labels': ({'x': VECTORS, 'label': LABELS - 1}, 'label goes from -1 to 2; labels are from 0'),
  'labels beyond 32 bits': ({'x': VECTORS, 'label': LABELS + 2**40}, 'label goes from 0 to 1099511627779'),
  'labels beyond 63 bits': (
    {'x': VECTORS, 'label': LABELS.astype(np.uint64) + np.uint64(2**63)},
    'label goes from 0 to 9223372036854775811',
  ),
  'two billion classes': ({'x': VECTORS, 'label': LABELS + 2**31 - 9}, 'labels are from 0 to 65535'),
  'images of no width': (
    {'x': np.zeros((4, 8, 0), np.uint8)},
    r'uint8\[4, 8, 0\], and an example holds nothing',
  ),
  'vectors of no numbers': ({'x': np.zeros((4, 0))}, r'float64\[4, 0\], and an example holds nothing'),
  'huge vectors': ({'x': VECTORS * 1e30}, 'values up to 7.9e[+]31.* scale each column'),
  'beyond float32': ({'x': VECTORS * 1e300}, 'scale each column'),
  'levels above 256': ({'x': IMAGES + np.uint8(255 - IMAGES.max()), 'levels': 300}, 'set levels to 256[.]$'),
  'one level': ({'x': IMAGES * 0, 'levels': 1}, 'set levels to a number from 2 to 256'),
  'float labels': ({'x': VECTORS, 'label': LABELS / 2}, 'label must be integers from 0; its type is float64'),
  'labels of one split': (
    {'x_train': VECTORS, 'x_test': VECTORS, 'label_train': LABELS},
    'labels for one split only',
  ),
  'a name with a dot': ({'x': VECTORS, 'a.b': VECTORS}, 'a.b cannot be a field, for its name has a dot'),
  'numbers for a kind': (
    {'x': VECTORS, 'kind': VECTORS},
    r'kind is float\d+\[\d+, \d+\]; it must be one text',
  ),
  'bytes for a kind': ({'x': VECTORS, 'kind': np.array(b'vector')}, r'kind is .*\[\]; it must be one text'),
  'unlike splits': ({'x_train': VECTORS, 'x_test': VECTORS[:, :1]}, 'not alike'),
  'unlike types': ({'x_train': IMAGES, 'x_test': VECTORS}, 'not alike'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_arrays(load, case):
  arrays, says = BAD[case]
  with pytest.raises(UserError, match=says) as caught:
    load('train', **arrays)
  assert '\n' not in str(caught.value)


def test_an_empty_test_split(load):
  with pytest.raises(UserError, match='split "test" of .* is empty'):
    load('test', x_train=VECTORS, x_test=VECTORS[:0])


class _Trap:
  """Unpickling it creates a file."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return open, (self.path, 'w')


def test_pickles_are_refused(load, tmp_path):
  trap = np.array([_Trap(str(tmp_path / 'opened'))] * 2, object)
  with pytest.raises(UserError, match='holds Python objects'):
    load('train', x=VECTORS, label=trap)
  assert not (tmp_path / 'opened').exists()


@pytest.mark.parametrize('content', [b'', b'rubbish' * 50, b'PK\x03\x04 cut off'])
def test_damaged_files(tmp_path, settings, content):
  (tmp_path / 'mine.npz').write_bytes(content)
  with pytest.raises(UserError, match='cannot be read as an .npz file'):
    data.load(settings(f'npz:{tmp_path / "mine.npz"}'), 'train')


def test_other_files(tmp_path, settings):
  np.save(tmp_path / 'mine.npy', VECTORS)
  for name in ('mine.npy', ''):
    with pytest.raises(UserError, match='cannot be read as an .npz file'):
      data.load(settings(f'npz:{tmp_path}/{name}'), 'train')
  with pytest.raises(UserError, match='There is no file'):
    data.load(settings(f'npz:{tmp_path / "absent.npz"}'), 'train')


def header(shape, descr='|u1'):
  """The beginning of a .npy file of an array of that shape, without the array."""
  buffer = io.BytesIO()
  np.lib.format.write_array_header_1_0(buffer, {'descr': descr, 'fortran_order': False, 'shape': shape})
  return buffer.getvalue()


MEMBERS = {
  'no array': ({'x.npy': b'Dear numpy,'}, 'x.npy is no array'),
  'an empty member': ({'x.npy': b''}, 'x.npy is no array'),
  'a member without its suffix': ({'x': b'text'}, 'x is no array'),
  'petabytes': (
    {'x.npy': header((10**6, 10**5, 10**4)) + b'few'},
    '1,000,000,000,000,000 bytes, but holds 3;',
  ),
  'less than a byte': ({'x.npy': header((-1, 8, 8))}, 'x.npy'),
  'more than it says': ({'x.npy': header((1, 2, 2)) + b'a' * 9}, '4 bytes, but holds 9'),
  'nothing': ({}, 'holds nothing; it needs x_train'),
}


@pytest.mark.parametrize('case', MEMBERS)
def test_what_a_member_claims_is_looked_at_before_memory_is_asked_for(tmp_path, settings, case):
  members, says = MEMBERS[case]
  with zipfile.ZipFile(tmp_path / 'mine.npz', 'w') as archive:
    for name, content in members.items():
      archive.writestr(name, content)
  with pytest.raises(UserError, match=says):
    data.load(settings(f'npz:{tmp_path / "mine.npz"}'), 'train')


def test_an_archive_may_not_unpack_to_more_than_the_memory(tmp_path, settings, monkeypatch):
  np.savez_compressed(tmp_path / 'mine.npz', x=np.zeros((2**10, 2**6, 2**6), np.uint8))
  monkeypatch.setattr('jaxgen.data.images.os.sysconf', lambda name: 2**10)
  with pytest.raises(UserError, match='would take 0.0 GiB in memory, and at most 0.0'):
    data.load(settings(f'npz:{tmp_path / "mine.npz"}'), 'train')


def test_members_that_are_none_of_the_data_are_passed_over(tmp_path, settings):
  np.savez(tmp_path / 'mine.npz', x=VECTORS)
  with zipfile.ZipFile(tmp_path / 'mine.npz', 'a') as archive:
    archive.writestr('notes.txt', 'written in May')
  assert len(data.load(settings(f'npz:{tmp_path / "mine.npz"}'), 'train')) == 36


def test_a_pipe_is_not_waited_for(tmp_path, settings):
  os.mkfifo(tmp_path / 'mine.npz')
  with pytest.raises(UserError, match='cannot be read as an .npz file'):
    data.load(settings(f'npz:{tmp_path / "mine.npz"}'), 'train')


def test_other_arrays_are_fields_of_their_own_names(load):
  y, mask = VECTORS[:, ::-1].astype(np.float32), VECTORS > 30
  for split, size in (('train', 36), ('test', 4)):
    source = load(split, x=IMAGES, y=y, mask=mask, attribute=LABELS, step=7)
    assert source.spec == {
      'x': Field('image', (4, 3, 1), 256),
      'attribute': Field('label', (), 4),
      'mask': Field('mask', (2,), 2),
      'y': Field('vector', (2,), 0),
    }
    found = source.resident()
    places = (found['y'][:, 1] / 2).astype(int)
    assert len(places) == size
    np.testing.assert_array_equal(found['x'][..., 0], IMAGES[places])
    np.testing.assert_array_equal(found['mask'], mask[places])
    np.testing.assert_array_equal(found['attribute'], LABELS[places])


@pytest.mark.parametrize(('levels', 'dtype'), [(160, np.uint8), (500, np.int32)])
def test_integers_are_tokens_where_the_file_says_so(load, levels, dtype):
  codes = np.arange(160).reshape(40, 2, 2)
  source = load('train', x=codes, kind='tokens', levels=levels)
  assert source.spec == {'x': Field('tokens', (2, 2), levels)}
  assert source.resident()['x'].dtype == dtype
  assert load('train', x=codes, kind='tokens').spec['x'].levels == 160
  splits = load('test', x_train=codes[:30], x_test=codes[30:], kind='tokens', levels=levels)
  np.testing.assert_array_equal(splits.resident()['x'], codes[30:])


def test_fields_have_levels_of_their_own(load):
  source = load('train', x=VECTORS, label=LABELS, label_levels=12, y=IMAGES % 10, y_levels=10)
  assert source.spec['label'] == Field('label', (), 12)
  assert source.spec['y'] == Field('image', (4, 3, 1), 10)


def test_an_archive_of_samples_is_a_data_set(load):
  """What sampling and exporting write: numbers about the whole are passed over."""
  source = load('train', x=IMAGES % 17, label=LABELS, step=100, levels=17)
  assert source.spec == {'x': Field('image', (4, 3, 1), 17), 'label': Field('label', (), 4)}
