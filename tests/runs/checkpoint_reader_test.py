"""Whoever looks at a run changes nothing in it, and meets whatever its trainer does meanwhile."""

import os
import shutil

import jax
import pytest

from jaxgen.errors import UserError
from jaxgen.runs import checkpoint_reader
from jaxgen.runs.checkpoint import Checkpoints
from jaxgen.runs.checkpoint_reader import Reader
from tests.runs.checkpoint_test import assert_same, flip_a_byte, largest_file, make_state

LIKE = jax.eval_shape(make_state)


@pytest.fixture
def folder(tmp_path):
  checkpoints = Checkpoints(tmp_path / 'checkpoints')
  for step in (10, 20, 30):
    checkpoints.save(make_state(step), {'row': step})
  checkpoints.close()
  return tmp_path / 'checkpoints'


def contents(folder):
  return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob('*')}


def truncate(file):
  file.write_bytes(file.read_bytes()[:100])


def become_a_folder(file):
  file.unlink()
  file.mkdir()


DAMAGES = [flip_a_byte, truncate, os.unlink, become_a_folder]


def test_a_half_written_checkpoint_is_left_to_its_writer(folder):
  half = folder / '40.orbax-checkpoint-tmp'
  half.mkdir()
  (half / 'state').write_bytes(b'half')
  before = contents(folder)
  state, notes = Reader(folder).restore(LIKE)
  assert_same(state, make_state(30))
  assert notes == {'row': 30}
  assert contents(folder) == before


@pytest.mark.parametrize('damage', DAMAGES)
def test_damage_is_said_in_one_line_and_nothing_is_renamed(folder, damage, capfd):
  damage(largest_file(folder / '30'))
  before = contents(folder)
  state, _ = Reader(folder).restore(LIKE)
  assert_same(state, make_state(20))
  out, err = capfd.readouterr()
  assert out.startswith(f'The checkpoint of step 30 in {folder} is damaged (')
  assert out.endswith('); step 20 is used.\n')
  assert out.count('\n') == 1
  assert err == ''
  assert contents(folder) == before


@pytest.mark.slow
def test_where_all_are_damaged_that_is_said(folder):
  for step in (10, 20, 30):
    flip_a_byte(largest_file(folder / str(step)))
  for opened in (Reader(folder), Checkpoints(folder)):
    with pytest.raises(UserError, match=r'All checkpoints in .* are damaged \(step 10: .*; step 30: '):
      opened.restore(LIKE)
  assert Reader(folder).steps() == [10, 20, 30]


def test_a_step_that_was_asked_for_is_not_replaced(folder):
  flip_a_byte(largest_file(folder / '20'))
  with pytest.raises(UserError, match=r'step 20 in .* is damaged .*; it has \[10, 30\]'):
    Reader(folder).restore(LIKE, 20)


def test_what_must_not_be_read_is_no_damage(folder, monkeypatch):
  def denied(*_):
    raise PermissionError(13, 'Permission denied')

  monkeypatch.setattr(checkpoint_reader, '_check_shapes', denied)
  for opened in (Reader(folder), Checkpoints(folder)):
    with pytest.raises(UserError, match='step 30 in .* cannot be read: permission denied'):
      opened.restore(LIKE)
  assert Reader(folder).steps() == [10, 20, 30]


def test_a_step_that_vanishes_gives_way_to_a_newer_one(folder, monkeypatch, capsys):
  read = checkpoint_reader._read

  def read_too_late(path, like):
    if path.name == '30':  # its trainer has gone on, and removes it while it is read
      shutil.copytree(folder / '20', folder / '40')
      largest_file(folder / '30').unlink()
    return read(path, like)

  monkeypatch.setattr(checkpoint_reader, '_read', read_too_late)
  state, _ = Reader(folder).restore(LIKE)
  assert_same(state, make_state(20))
  assert capsys.readouterr().out == ''


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
  assert Reader(tmp_path / 'none').restore(LIKE) is None
  assert not (tmp_path / 'none').exists()
