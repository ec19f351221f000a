"""Checkpoints: orbax, with two promises more. What was saved is what is restored, or the one before it is; and
whoever only looks at a run changes nothing in it.

Orbax writes in the background and moves a finished checkpoint into place in one step, so that a killed run leaves
whole checkpoints only. A checksum of every array tells a damaged one, which its trainer sets aside, never deletes.
"""

import contextlib
import errno
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from jaxgen.errors import UserError
from jaxgen.runs.checkpoint_reader import Like, Reader, checksum, first_line
from jaxgen.types import State

_ROOM_FOR_REST = 2**20  # bytes: metadata of a checkpoint, the next lines and pictures


class Checkpoints(Reader):
  """The same for the one process that trains: it writes checkpoints, and removes what need not be kept."""

  def __init__(self, directory: Path, keep: int = 0):
    """Opens the directory, and makes it where there is none.

    Args:
      directory: of the checkpoints. What a killed process left half-written in it is removed.
      keep: how many of the newest checkpoints are kept, besides what `protect` names; 0: all.

    Raises:
      UserError: if `keep` is negative, or the directory cannot be made.
    """
    super().__init__(directory)
    if keep < 0:
      raise UserError(f'keep_checkpoints={keep} is negative; 0 keeps all checkpoints.')
    self._retention = _Retention(keep)
    self._unconfirmed: int | None = None
    options = ocp.CheckpointManagerOptions(
      create=True, cleanup_tmp_directories=True, preservation_policy=self._retention
    )
    handlers = {'state': ocp.StandardCheckpointHandler(), 'meta': ocp.JsonCheckpointHandler()}
    with _clear_failure(self._directory):
      self._directory.mkdir(parents=True, exist_ok=True)
      self._manager = ocp.CheckpointManager(self._directory, options=options, item_handlers=handlers)

  def save(self, state: State, notes: Mapping[str, Any] | None = None) -> None:
    """Starts to write `state` and leaves the writing to the background.

    Old checkpoints are removed once this one is on the disk as a whole.

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
    self._unconfirmed = step

  def protect(self, role: str, step: int) -> None:
    """Keeps the checkpoint of `step`, however old, until another one takes its role ('best', say).

    It holds for this process; a run that goes on says it again.
    """
    self._retention.protected[role] = step

  def confirm(self, step: int) -> None:
    """Says that the loss at `step` was finite: a checkpoint that is not after it is good, and the last such is kept."""
    if self._unconfirmed is not None and self._unconfirmed <= step:
      self.protect('good', self._unconfirmed)
      self._unconfirmed = None

  def set_aside(self, step: int, why: str = 'damaged', keep: int = 0) -> str:
    """Renames a checkpoint to `<why>-<directory>-<step>`, so that nobody goes on from it; returns the new name.

    Of those that are set aside for the same reason the `keep` that were written last stay; 0: all.
    """
    self.wait()
    aside = self._directory.parent / f'{why}-{self._directory.name}-{step}'
    number = 1
    while aside.exists():
      aside = aside.with_name(f'{why}-{self._directory.name}-{step}-{(number := number + 1)}')
    if jax.process_count() > 1:
      multihost_utils.sync_global_devices(f'all have read step {step}')
    if jax.process_index() == 0:
      (self._directory / str(step)).rename(aside)
      self._forget(why, keep)
    if jax.process_count() > 1:
      multihost_utils.sync_global_devices(f'step {step} is set aside')
    self._manager.reload()
    return aside.name

  def wait(self) -> None:
    """Blocks until everything is on the disk.

    Raises:
      UserError: if it could not be written.
    """
    with _clear_failure(self._directory):
      self._manager.wait_until_finished()

  def restore(self, like: Like, step: int | None = None) -> tuple[State, Mapping[str, Any]] | None:
    """As `Reader.restore`; newer checkpoints that are damaged are renamed to `damaged-<directory>-<step>`.

    Otherwise they would be in the way of those that take their steps next.
    """
    self.wait()
    found = self._newest_whole(like) if step is None else self._whole(like, step)
    if found is None:
      return None
    for damaged, why in found.damaged.items():
      name = self.set_aside(damaged)
      print(f'The checkpoint of step {damaged} is damaged ({why}); it is set aside as {name}.', flush=True)
    self._unconfirmed = int(found.state.step)
    return found.state, found.notes

  def close(self) -> None:
    """Finishes writing and lets go of the directory."""
    self.wait()
    self._manager.close()

  def _forget(self, why, keep):
    """Removes all but the newest `keep` (0: none) of what was set aside for that reason."""
    aside = self._directory.parent.glob(f'{why}-{self._directory.name}-*')
    oldest_first = sorted(aside, key=lambda path: path.stat().st_mtime_ns)
    for old in oldest_first[:-keep]:  # [:-0] is none of them
      shutil.rmtree(old)
      print(f'note     {old.name} is removed: of these the newest {keep} are kept', flush=True)

  def _check_room(self, state):
    """Orbax survives a full disk, but not quietly: better not to start."""
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + _ROOM_FOR_REST
    free = shutil.disk_usage(self._directory).free
    if free < needed:
      raise OSError(
        errno.ENOSPC, f'{free / 2**20:.1f} MiB are free, a checkpoint takes up to {needed / 2**20:.1f}'
      )


class _Retention:
  """What orbax asks which checkpoints to preserve: the newest `keep` (0: all), and those with a role."""

  def __init__(self, keep):
    self._keep = keep
    self.protected = {}  # role -> step

  def should_preserve(self, checkpoints, **context):
    """One answer per checkpoint, oldest first; orbax removes the others once the one being saved is whole."""
    del context
    newest = [info.step for info in checkpoints][-self._keep :]  # [-0:] is all of them
    kept = {*newest, *self.protected.values()}
    return [info.step in kept for info in checkpoints]


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
    why, remedy = ('the disk is full', 'Make room') if full else (first_line(error), 'Put that right')
    raise UserError(
      f'A checkpoint could not be written to {directory}: {why}. {remedy} and start the same command again; '
      'it goes on from the last checkpoint.'
    ) from error
