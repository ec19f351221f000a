"""Checkpoints: orbax, with one promise more. What was saved is what is restored, or the one before it is.

Orbax writes in the background and moves a finished checkpoint into place in one step, so that a killed run leaves
whole checkpoints only. A checksum of every array tells a damaged one, which is set aside, never deleted.
"""

import contextlib
import errno
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from jax.sharding import SingleDeviceSharding

from jaxgen.errors import UserError
from jaxgen.types import State

_ROOM_FOR_REST = 2**20  # bytes: metadata of a checkpoint, the next lines and pictures


class Checkpoints:
  """The checkpoints of one run, `<directory>/<step>/`."""

  def __init__(self, directory: Path, keep: int | None = None):
    """Opens the directory and keeps the newest `keep` checkpoints in it, all of them by default."""
    self._directory = Path(directory).resolve()
    self._keep = keep
    self._manager = self._open()

  def steps(self) -> list[int]:
    """The steps that have a finished checkpoint, oldest first."""
    return sorted(self._manager.all_steps())

  def save(self, state: State, notes: Mapping[str, Any] | None = None) -> None:
    """Starts to write `state` and leaves the writing to the background.

    Args:
      state: its step names the checkpoint; nothing is done where that step is saved already.
      notes: what else the run must remember, as JSON.

    Raises:
      UserError: if this or the write before it failed (a full disk, say). Earlier checkpoints remain.
    """
    step = int(state.step)
    if step in self._manager.all_steps():
      return
    meta = {'checksum': checksum(state), 'notes': dict(notes or {})}
    args = ocp.args.Composite(state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta))
    with _clear_failure(self._directory):
      self._check_room(state)
      self._manager.save(step, args=args)

  def wait(self) -> None:
    """Blocks until everything is on the disk.

    Raises:
      UserError: if it could not be written.
    """
    with _clear_failure(self._directory):
      self._manager.wait_until_finished()

  def restore(self, like: State, step: int | None = None) -> tuple[State, Mapping[str, Any]] | None:
    """The newest whole checkpoint, or that of `step`, laid out on the devices as `like` is (arrays or their shapes).

    A damaged checkpoint is renamed to `damaged-<step>`, said so on the terminal, and the one before it is tried.

    Returns:
      The state and its notes, or None where there is no checkpoint.

    Raises:
      UserError: if `step` is given and has no whole checkpoint, or if the checkpoint is of another model.
    """
    steps = self.steps()
    if step is not None and step not in steps:
      raise UserError(f'{self._directory} has no checkpoint of step {step}; it has {steps or "none"}.')
    for candidate in reversed(steps) if step is None else [step]:
      try:
        return self._read(candidate, like)
      except _OtherModel as error:
        raise UserError(
          f'The checkpoint of step {candidate} in {self._directory} is of another model: {error}'
        ) from None
      except Exception as error:  # orbax, tensorstore and zstd each raise their own
        self._set_aside(candidate, error)
    if step is not None:
      raise UserError(f'The checkpoint of step {step} in {self._directory} is damaged.')
    return None

  def close(self) -> None:
    """Finishes writing and lets go of the directory."""
    self.wait()
    self._manager.close()

  def _check_room(self, state):
    """Orbax survives a full disk, but not quietly: better not to start."""
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + _ROOM_FOR_REST
    free = shutil.disk_usage(self._directory).free
    if free < needed:
      raise OSError(
        errno.ENOSPC, f'{free / 2**20:.1f} MiB are free, a checkpoint takes up to {needed / 2**20:.1f}'
      )

  def _open(self):
    options = ocp.CheckpointManagerOptions(max_to_keep=self._keep, create=True, cleanup_tmp_directories=True)
    handlers = {'state': ocp.StandardCheckpointHandler(), 'meta': ocp.JsonCheckpointHandler()}
    return ocp.CheckpointManager(self._directory, options=options, item_handlers=handlers)

  def _read(self, step, like):
    _check_shapes(self._manager.item_metadata(step).state, like)
    here = SingleDeviceSharding(jax.local_devices()[0])
    target = jax.tree.map(
      lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding or here), like
    )
    args = ocp.args.Composite(state=ocp.args.StandardRestore(target), meta=ocp.args.JsonRestore())
    restored = self._manager.restore(step, args=args)
    if restored.meta['checksum'] != checksum(restored.state):
      raise ValueError('its checksum does not match')
    return restored.state, restored.meta['notes']

  def _set_aside(self, step, error):
    reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
    aside = self._directory.parent / f'damaged-{self._directory.name}-{step}'
    number = 1
    while aside.exists():
      aside = aside.with_name(f'damaged-{self._directory.name}-{step}-{(number := number + 1)}')
    print(
      f'The checkpoint of step {step} is damaged ({reason}); it is set aside as {aside.name}.', flush=True
    )
    self._manager.close()
    if jax.process_index() == 0:
      (self._directory / str(step)).rename(aside)
    if jax.process_count() > 1:
      multihost_utils.sync_global_devices(f'set aside {step}')
    self._manager = self._open()


def checksum(state: State) -> int:
  """CRC-32 of all arrays, in the order of the tree."""
  crc = 0
  for leaf in jax.tree.leaves(state):
    local = leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf
    crc = zlib.crc32(np.ascontiguousarray(local), crc)
  return crc


class _OtherModel(Exception):
  pass


def _check_shapes(saved, like):
  """Compares tree and shapes first: a change of architecture must not pass for a damaged checkpoint."""
  saved = {_name(path): tuple(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(saved.tree)}
  wanted = {_name(path): tuple(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(like)}
  for name in sorted(saved.keys() | wanted.keys()):
    if saved.get(name) != wanted.get(name):
      raise _OtherModel(
        f'{name} is {saved.get(name, "absent")} there and {wanted.get(name, "absent")} in this config.'
      )


def _name(path):
  # A NamedTuple's field, a dict's key and a sequence's index are saved alike, as names.
  return '/'.join(
    str(getattr(part, 'name', getattr(part, 'key', getattr(part, 'idx', part)))) for part in path
  )


@contextlib.contextmanager
def _clear_failure(directory):
  """Turns what a failed write raises into one sentence."""
  try:
    yield
  except Exception as error:
    text = str(error)
    # Tensorstore wraps the system's error in its own words.
    full = (
      getattr(error, 'errno', None) == errno.ENOSPC or 'No space left' in text or 'RESOURCE_EXHAUSTED' in text
    )
    if not full and not isinstance(error, OSError):
      raise
    why = 'the disk is full' if full else text.strip().splitlines()[0][:200]
    raise UserError(
      f'A checkpoint could not be written to {directory}: {why}. Make room and start the same command again; '
      'it goes on from the last checkpoint.'
    ) from error
