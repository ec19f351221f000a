"""The best checkpoint of a run, by its validation split, and which checkpoint `--step` means.

A model says by which of its terms (`GenerativeModel.selected_by`). The test split never chooses anything.
"""

import json
import math
from pathlib import Path
from typing import NamedTuple

from jaxgen import files
from jaxgen.errors import UserError


class Best(NamedTuple):
  """What `<workdir>/best.json` holds.

  Attributes:
    step: that has the checkpoint.
    value: the lowest mean so far.
    metric: of which term of `GenerativeModel.evaluate`.
    split: 'validation'.
    weights: 'raw' or 'averaged'.
  """

  step: int
  value: float
  metric: str
  split: str
  weights: str

  def beats(self, other: 'Best | None') -> bool:
    """Whether it is lower; of equals, the earlier one stays."""
    return math.isfinite(self.value) and (other is None or self.value < other.value)


def read(workdir: Path) -> Best | None:
  """The best checkpoint of a run, or None where none is known.

  Raises:
    UserError: if the file is damaged.
  """
  path = Path(workdir) / 'best.json'
  if not path.is_file():
    return None
  try:
    return Best(**json.loads(path.read_text()))
  except (OSError, ValueError, TypeError):
    raise UserError(f'{path} cannot be read; remove it, and give --step=newest or a step.') from None


def write(workdir: Path, best: Best) -> None:
  """Says so; the checkpoint must be on the disk already, so that the file never names one that is not there."""
  files.write_text(Path(workdir) / 'best.json', json.dumps(best._asdict()) + '\n')


def forget(workdir: Path, step: int) -> None:
  """Removes the file where it names `step`, whose checkpoint is no longer there."""
  known = read(workdir)
  if known is not None and known.step == step:
    (Path(workdir) / 'best.json').unlink(missing_ok=True)


def chosen_step(workdir: Path, asked: str | int, selected_by: str) -> int | None:
  """The step that 'newest' (None: whichever is whole), 'best' or a number means.

  Args:
    workdir: of the run.
    asked: one of these.
    selected_by: of its model.

  Raises:
    UserError: if it is none of these, or no best one is known.
  """
  if asked == 'newest':
    return None
  if str(asked).isdecimal():
    return int(asked)
  if asked != 'best':
    raise UserError(f'--step={asked} is no step; give best, newest or a number.')
  if not selected_by:
    raise UserError(
      'This model has no term that tells a better checkpoint from a worse one (the losses of a game do not); give '
      '--step=newest or a number.'
    )
  best = read(workdir)
  if best is None:
    raise UserError(
      f'{workdir} was not evaluated on a validation split while it trained, so that no checkpoint is its best; give '
      '--step=newest or a number.'
    )
  return best.step
