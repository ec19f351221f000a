import errno
import os
import signal
import subprocess
import sys

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


WRITER = """
import sys
from jaxgen import files
with getattr(files, sys.argv[1])(sys.argv[2]) as part:
  (part / 'a' if part.is_dir() else part).write_text('half')
  print('writing', flush=True)
  sys.stdin.read()
"""


def writer(way, path):
  """Another process, in the middle of writing."""
  command = [sys.executable, '-c', WRITER, way, str(path)]
  process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
  assert process.stdout.readline() == b'writing\n'
  return process


@pytest.mark.parametrize('way', ['replacing', 'replacing_folder'])
def test_what_a_killed_writer_leaves_is_removed_by_the_next_and_a_living_one_is_let_be(tmp_path, way):
  path, near = tmp_path / 'export', tmp_path / '.export.npz.0123abcd.part'
  near.write_text('of export.npz')
  killed, living = writer(way, path), writer(way, path)
  os.kill(killed.pid, signal.SIGKILL)
  killed.communicate()
  assert len(list(tmp_path.glob('.export.????????.part'))) == 2
  with getattr(files, way)(path) as part:
    assert len(list(tmp_path.glob('.export.????????.part'))) == 2  # that of the living, and this one
    (part / 'a' if part.is_dir() else part).write_text('whole')
  living.communicate(b'')
  assert living.returncode == 0
  assert sorted(tmp_path.iterdir()) == [near, path]
  assert ((path / 'a') if path.is_dir() else path).read_text() == 'half'  # the last to end


@pytest.fixture
def full(tmp_path):
  """A folder with a file in it."""
  path = tmp_path / 'export'
  path.mkdir()
  (path / 'a').write_text('old')
  return path


def test_a_folder_whose_successor_cannot_take_its_place_comes_back(full, monkeypatch):
  rename = os.rename

  def refused(source, target):
    if str(source).endswith('.part'):
      raise OSError(errno.EIO, 'Input/output error', str(source))
    rename(source, target)

  monkeypatch.setattr(os, 'rename', refused)
  with pytest.raises(OSError, match='Input/output'), files.replacing_folder(full) as part:
    (part / 'a').write_text('new')
  assert (full / 'a').read_text() == 'old'
  assert list(full.parent.iterdir()) == [full]


def test_what_a_killed_writer_had_set_aside_is_put_back_by_the_next(full):
  full.rename(full.with_name('.export.0123abcd.old'))
  with pytest.raises(ZeroDivisionError), files.replacing_folder(full):
    raise ZeroDivisionError
  assert (full / 'a').read_text() == 'old'
  assert list(full.parent.iterdir()) == [full]


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
