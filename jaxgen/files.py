"""Files that are whole or absent, whenever the process that writes them is killed."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

# What file systems refuse; whatever else an OSError is may be a mistake of the program.
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
  """A new name beside `path` to write to; what was written takes the place of `path` at the end.

  Readers see the old file or the new one, and of several writers the last one wins. If the block raises, the old file
  stays as it was, and nothing is left of the new one; what a writer that was killed has left is removed by the next.
  Folders above `path` are made. What the file system refuses is said of `path`: of the new name nobody knows.
  """
  path = Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  part = _hidden(path, 'part')
  try:
    with _claimed(path, part, Path.touch):
      yield part
      os.replace(part, path)
  except OSError as error:
    if error.filename == str(part):
      raise type(error)(error.errno, error.strerror, str(path)) from error
    raise
  finally:
    part.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(path: Path | str) -> Iterator[Path]:
  """A new folder beside `path` to fill; it takes the place of `path`, and of what that held, at the end.

  If the block raises, or the new one cannot take its place, what was there stays as it was, and nothing is left of the
  new one; what a writer that was killed has left is removed by the next, or put back where nothing else is.
  """
  path = Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  part = _hidden(path, 'part')
  try:
    with _claimed(path, part, Path.mkdir):
      yield part
      with _locked(path.parent), _set_aside(path):
        os.rename(part, path)
  finally:
    shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _set_aside(path):
  """Something else may take the place of the folder `path`, which is then removed; else it comes back."""
  if not path.exists():
    yield
    return
  old = _hidden(path, 'old')
  os.rename(path, old)
  try:
    yield
  except BaseException:
    os.rename(old, path)
    raise
  shutil.rmtree(old, ignore_errors=True)


def _hidden(path, what):
  """A name beside `path` that nobody else has."""
  return path.with_name(f'.{path.name}.{uuid.uuid4().hex[:8]}.{what}')


@contextlib.contextmanager
def _claimed(path, part, make):
  """Makes `part` and holds a lock on it, by which other writers of `path` see that its own is alive.

  Those of the dead are removed, but for what one of them had set aside and not yet replaced: it is put back. Makers and
  removers take turns at the folder: what is there is locked, or dead.
  """
  with _locked(path.parent):
    for left in _hidden_beside(path):
      _remove_if_dead(path, left)
    make(part)
    claim = os.open(part, os.O_RDONLY)
    fcntl.flock(claim, fcntl.LOCK_EX)
  try:
    yield
  finally:
    os.close(claim)


def _hidden_beside(path):
  name = re.compile(rf'\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.(part|old)')
  return [Path(entry.path) for entry in os.scandir(path.parent) if name.fullmatch(entry.name)]


def _remove_if_dead(path, left):
  with contextlib.suppress(OSError), _locked(left, fcntl.LOCK_NB):
    if left.suffix == '.old' and not path.exists():
      left.rename(path)
    elif left.is_dir():
      shutil.rmtree(left)
    else:
      left.unlink()


@contextlib.contextmanager
def _locked(path, how=0):
  handle = os.open(path, os.O_RDONLY)
  try:
    fcntl.flock(handle, fcntl.LOCK_EX | how)
    yield
  finally:
    os.close(handle)


def write_text(path: Path | str, text: str) -> None:
  """`Path.write_text` by way of `replacing`."""
  with replacing(path) as part:
    part.write_text(text)


def load_arrays(path: Path | str) -> dict[str, np.ndarray] | None:
  """The arrays that `save_arrays` wrote; None if there are none, or the file was damaged since."""
  try:
    with np.load(path, allow_pickle=False) as file:
      return {name: file[name] for name in file.files}
  except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
    return None


def save_arrays(path: Path | str, arrays: Mapping[str, Any]) -> None:
  """Keeps arrays that can be computed again, as an npz file: each has a checksum.

  A folder that cannot be written (full, read-only) is done without: nothing but time is lost.
  """
  with contextlib.suppress(OSError), replacing(path) as part, open(part, 'wb') as file:
    np.savez(file, **arrays)


def refusal(error: BaseException) -> str | None:
  """What a file system has refused, as a sentence; None where the exception is of another kind."""
  if _disk_is_full(error):
    return 'The disk is full. Make room and start the same command again; it goes on.'
  if isinstance(error, OSError) and error.errno in _REFUSALS and error.filename:
    reason = f'{error.filename} cannot be used: {error.strerror}'
    return f'{reason}; put that right and start the same command again.'
  return None


def _disk_is_full(error):
  """Whether that is what an exception, or the one it was raised from, came of: each library wraps it differently."""
  if error is None:
    return False
  full = getattr(error, 'errno', None) == errno.ENOSPC or 'No space left on device' in str(error)
  return full or _disk_is_full(error.__cause__ or error.__context__)
