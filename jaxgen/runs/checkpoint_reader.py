"""Looking at a run's checkpoints without changing anything, while they may still be written and removed."""

import contextlib
import gc
import json
import logging
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import SingleDeviceSharding

from jaxgen import parallel
from jaxgen.errors import UserError
from jaxgen.types import State

# what a checkpoint must be like
Like = State | Callable[[Mapping[str, Any]], State]


class Found(NamedTuple):
  """A whole checkpoint; `damaged` are the newer ones that are not, `{step: what is wrong}`."""

  state: State
  notes: Mapping[str, Any]
  damaged: Mapping[int, str]


class Reader:
  """The checkpoints of one run, `<directory>/<step>/`, for whoever looks at them while they may still be written.

  Nothing is created, cleaned up, renamed or removed.
  """

  def __init__(self, directory: Path):
    """The directory need not exist."""
    self._directory = Path(directory).resolve()

  def steps(self) -> list[int]:
    """The steps that have a finished checkpoint, oldest first."""
    if not self._directory.is_dir():
      return []
    return sorted(int(path.name) for path in self._directory.iterdir() if path.name.isdecimal())

  def restore(self, like: Like, step: int | None = None) -> tuple[State, Mapping[str, Any]] | None:
    """The newest whole checkpoint, or that of `step`, laid out on the devices as `like` is: arrays, their
    shapes, or a function that finds these from the notes of the checkpoint.

    Where newer ones are damaged, the terminal says so, and which one is used.

    Returns:
      The state and its notes, or None where there is no checkpoint.

    Raises:
      UserError: if `step` is given and has no whole checkpoint, if none is whole, or if it is of another model.
    """
    found = self._newest_whole(like) if step is None else self._whole(like, step)
    if found is None:
      return None
    for damaged, why in found.damaged.items():
      print(f'{self._of(damaged)} is damaged ({why}); step {int(found.state.step)} is used.', flush=True)
    return found.state, found.notes

  def _newest_whole(self, like) -> Found | None:
    damaged = {}
    # A run that goes on meanwhile removes old checkpoints and makes new ones: its steps are listed again each time.
    while left := [step for step in self.steps() if step not in damaged]:
      try:
        state, notes = self._read(left[-1], like)
      except _Damaged as error:
        damaged[left[-1]] = str(error)
      else:
        newer = [step for step in self.steps() if step in damaged and step > left[-1]]
        return Found(state, notes, {step: damaged[step] for step in newer})
    if there := [step for step in self.steps() if step in damaged]:
      reasons = '; '.join(f'step {step}: {damaged[step]}' for step in there)
      raise UserError(
        f'All checkpoints in {self._directory} are damaged ({reasons}); put back a copy of one, or move the folder '
        'away and train again.'
      )
    return None

  def _whole(self, like, step) -> Found:
    try:
      if step in self.steps():
        state, notes = self._read(step, like)
        return Found(state, notes, {})
    except _Damaged as error:
      if step in self.steps():
        raise UserError(f'{self._of(step)} is damaged ({error}); it has {self._others(step)}.') from None
    raise UserError(f'{self._directory} has no checkpoint of step {step}; it has {self._others(step)}.')

  def _read(self, step, like):
    """The state and notes of one step.

    Raises:
      UserError: if it is of another model, or must not be read by this user.
      _Damaged: if anything else is wrong with it, or if it is removed meanwhile.
    """
    with _no_leftovers():
      try:
        return _read(self._directory / str(step), like)
      except _OtherModel as error:
        raise UserError(f'{self._of(step)} is of another model: {error}') from None
      except Exception as error:  # orbax, tensorstore and zstd each raise their own
        reason = first_line(error)
        denied = isinstance(error, PermissionError) or 'PERMISSION_DENIED' in str(error)
      gc.collect()
    if denied:
      raise UserError(f'{self._of(step)} cannot be read: permission denied; change the rights of its files.')
    raise _Damaged(reason)

  def _of(self, step):
    return f'The checkpoint of step {step} in {self._directory}'

  def _others(self, step):
    return [other for other in self.steps() if other != step] or 'no other'


def checksum(state: State) -> int:
  """CRC-32 of all arrays, in the order of the tree."""
  crc = 0
  for leaf in jax.tree.leaves(state):
    crc = zlib.crc32(np.ascontiguousarray(parallel.on_host(leaf)).data, crc)
  return crc


class _OtherModel(Exception):
  pass


class _Damaged(Exception):
  pass


def first_line(error: Exception) -> str:
  """What an exception says, at the length of a sentence."""
  text = str(error).strip()
  return text.splitlines()[0][:160] if text else type(error).__name__


def _read(folder, like):
  handler, here = ocp.StandardCheckpointHandler(), SingleDeviceSharding(jax.local_devices()[0])
  meta = json.loads((folder / 'meta' / 'metadata').read_text())
  like = like(meta['notes']) if callable(like) else like
  _check_shapes(handler.metadata(folder / 'state'), like)
  target = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding or here), like
  )
  state = handler.restore(folder / 'state', args=ocp.args.StandardRestore(target))
  if meta['checksum'] != checksum(state):
    raise ValueError('its checksum does not match')
  return state, meta['notes']


@contextlib.contextmanager
def _no_leftovers():
  """Orbax reads all arrays at once; where one fails, each of the others would print a traceback when it is dropped."""
  hook, logger = sys.unraisablehook, logging.getLogger('asyncio')
  sys.unraisablehook, logger.disabled = lambda unraisable: None, True
  try:
    yield
  finally:
    sys.unraisablehook, logger.disabled = hook, False


def _check_shapes(saved, like):
  """Compares tree and shapes first: a change of architecture must not pass for a damaged checkpoint."""
  saved = {
    leaf_name(path): tuple(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(saved.tree)
  }
  wanted = {leaf_name(path): tuple(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(like)}
  for name in sorted(saved.keys() | wanted.keys()):
    if saved.get(name) != wanted.get(name):
      raise _OtherModel(
        f'{name} is {saved.get(name, "absent")} there and {wanted.get(name, "absent")} in this config.'
      )


def leaf_name(path: tuple[Any, ...]) -> str:
  """Where in a tree a leaf is: 'params/encoder/kernel'."""
  # A NamedTuple's field, a dict's key and a sequence's index are saved alike, as names.
  return '/'.join(
    str(getattr(part, 'name', getattr(part, 'key', getattr(part, 'idx', part)))) for part in path
  )
