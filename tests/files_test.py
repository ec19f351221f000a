import numpy as np
import pytest

from jaxgen import files


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
  path = tmp_path / 'new' / 'folder' / 'a.txt'
  files.write_text(path, 'old')
  with files.replacing(path) as part:
    part.write_text('new')
    assert path.read_text() == 'old'
  assert path.read_text() == 'new'


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
  path = tmp_path / 'a.txt'
  files.write_text(path, 'old')
  with pytest.raises(ZeroDivisionError), files.replacing(path) as part:
    part.write_text('half')
    raise ZeroDivisionError
  assert path.read_text() == 'old'
  assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_meet(tmp_path):
  path = tmp_path / 'a.txt'
  with files.replacing(path) as first, files.replacing(path) as second:
    first.write_text('first')
    second.write_text('second')
  assert path.read_text() == 'first'  # the last to end
  assert list(tmp_path.iterdir()) == [path]


def test_arrays_come_back(tmp_path):
  arrays = {'x': np.arange(6.0).reshape(2, 3), 'y': np.array([1, 2], np.uint8)}
  files.save_arrays(tmp_path / 'a.npz', arrays)
  found = files.load_arrays(tmp_path / 'a.npz')
  assert found.keys() == arrays.keys()
  for name, array in arrays.items():
    np.testing.assert_array_equal(found[name], array)
    assert found[name].dtype == array.dtype


def test_a_damaged_byte_is_noticed(tmp_path):
  path = tmp_path / 'a.npz'
  files.save_arrays(path, {'x': np.arange(1000.0)})
  data = bytearray(path.read_bytes())
  data[4000] ^= 1
  path.write_bytes(data)
  assert files.load_arrays(path) is None


def test_objects_are_not_unpickled(tmp_path):
  np.savez(tmp_path / 'a.npz', x=np.array([print], object))
  assert files.load_arrays(tmp_path / 'a.npz') is None


def test_arrays_in_a_folder_that_cannot_be_written_are_done_without(tmp_path):
  (tmp_path / 'file').write_text('')
  files.save_arrays(tmp_path / 'file' / 'a.npz', {'x': np.zeros(2)})
  assert files.load_arrays(tmp_path / 'file' / 'a.npz') is None
