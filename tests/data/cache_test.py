import errno
import threading
from pathlib import Path

import numpy as np
import pytest

from jaxgen.data import cache
from jaxgen.data.images import UnreadableImages

EXPECTED = {'x': ((1000, 2, 2, 1), np.dtype(np.uint8)), 'label': ((1000,), np.dtype(np.int32))}


@pytest.fixture
def reader(tmp_path, monkeypatch):
  """A reader that counts, and a cache that is empty."""
  monkeypatch.setenv('JAXGEN_CACHE', str(tmp_path / 'cache'))

  class Reader:
    calls = 0

    def __call__(self, indices):
      self.calls += 1
      return {'x': (indices % 251)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8), 'label': indices}

  return Reader()


def test_the_second_time_nothing_is_read(reader):
  first = cache.decoded('key', EXPECTED, reader)
  calls = reader.calls
  second = cache.decoded('key', EXPECTED, reader)
  assert reader.calls == calls > 0
  for name, (shape, dtype) in EXPECTED.items():
    assert second[name].shape == shape
    assert second[name].dtype == dtype
    np.testing.assert_array_equal(first[name], second[name])
  np.testing.assert_array_equal(second['label'], np.arange(1000))
  cache.decoded('another key', EXPECTED, reader)
  assert reader.calls == 2 * calls


def test_no_key_no_file(reader):
  cache.decoded('', EXPECTED, reader)
  assert not cache.directory().exists()


def _truncate(path):
  path.write_bytes(path.read_bytes()[:-500])


def _flip(path):
  content = bytearray(path.read_bytes())
  content[2000] ^= 1
  path.write_bytes(content)


def _other_shape(path):
  np.savez(path, x=np.zeros((999, 2, 2, 1), np.uint8), label=np.zeros(1000, np.int32))


def _objects(path):
  np.savez(path, x=np.array([{}], object), label=np.zeros(1000, np.int32))


DAMAGES = {
  'truncated': _truncate,
  'a bit flipped': _flip,
  'another shape': _other_shape,
  'Python objects': _objects,
  'empty': lambda path: path.write_bytes(b''),
  'rubbish': lambda path: path.write_bytes(b'rubbish' * 100),
}


@pytest.mark.parametrize('damage', DAMAGES)
def test_a_damaged_file_is_made_anew(reader, damage):
  first = cache.decoded('key', EXPECTED, reader)
  (path,) = cache.directory().iterdir()
  DAMAGES[damage](path)
  calls = reader.calls
  second = cache.decoded('key', EXPECTED, reader)
  assert reader.calls > calls
  np.testing.assert_array_equal(first['x'], second['x'])
  calls = reader.calls
  cache.decoded('key', EXPECTED, reader)
  assert reader.calls == calls


def test_several_writers(reader):
  found = []
  threads = [
    threading.Thread(target=lambda: found.append(cache.decoded('key', EXPECTED, reader))) for _ in range(8)
  ]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert len(found) == 8
  for arrays in found:
    np.testing.assert_array_equal(arrays['label'], np.arange(1000))
  assert len(list(cache.directory().iterdir())) == 1


def test_a_full_disk_is_no_failure(reader, monkeypatch):
  def savez(file, **arrays):
    file.write(b'half')
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(cache.np, 'savez', savez)
  assert len(cache.decoded('key', EXPECTED, reader)['x']) == 1000
  assert list(cache.directory().iterdir()) == []


def test_a_place_that_cannot_be_written(reader, tmp_path, monkeypatch):
  (tmp_path / 'file').write_text('')
  monkeypatch.setenv('JAXGEN_CACHE', str(tmp_path / 'file' / 'below'))
  assert len(cache.decoded('key', EXPECTED, reader)['x']) == 1000


def test_every_unreadable_image_is_counted():
  def read(indices):
    if 300 in indices or 900 in indices:
      raise UnreadableImages([f'image {index}' for index in (300, 900) if index in indices])
    return {'x': np.zeros((len(indices), 2, 2, 1), np.uint8), 'label': indices}

  with pytest.raises(UnreadableImages, match=r'image 300 cannot be read as an image \(nor can 1 more\)'):
    cache.read_all(EXPECTED, read)


def test_where_it_is(monkeypatch):
  monkeypatch.delenv('JAXGEN_CACHE')
  monkeypatch.setenv('HOME', '/somebody')
  assert cache.directory() == Path('/somebody/.cache/jaxgen')


def test_without_a_home(reader, monkeypatch):
  monkeypatch.delenv('JAXGEN_CACHE')
  monkeypatch.setattr(cache.os.path, 'expanduser', lambda path: path)
  assert len(cache.decoded('key', EXPECTED, reader)['x']) == 1000
