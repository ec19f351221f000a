"""The best checkpoint of a run, by its validation split, and which checkpoint `--step` means.

A model says by which of its terms (`GenerativeModel.selected_by`). The test split never chooses anything.
"""

import contextlib
import json
import math
import operator
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxgen import files
from jaxgen.errors import UserError
from jaxgen.runs import writers


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
    best = Best(**json.loads(path.read_text()))
    return best._replace(step=operator.index(best.step), value=float(best.value))
  except (OSError, ValueError, TypeError):
    raise UserError(f'{path} cannot be read; remove it, and give --step=newest or a step.') from None


def write(workdir: Path, best: Best | None) -> None:
  """Says so; the checkpoint must be on the disk already, so that the file never names one that is not there."""
  path = Path(workdir) / 'best.json'
  if best is None:
    path.unlink(missing_ok=True)
  else:
    files.write_text(path, json.dumps(best._asdict()) + '\n')


def of_row(row: Mapping[str, Any], metric: str) -> Best:
  """What a row of `metrics.jsonl` says of its step."""
  value = writers.rounded(row[metric])
  return Best(row['step'], math.nan if value is None else value, metric, row['split'], row['weights'])


def recover(workdir: Path, steps: Collection[int], metric: str) -> Best | None:
  """The best of the steps that have a checkpoint, by the file and by the rows of the run.

  A kill may have come between the row of an evaluation and the file, and a checkpoint that was the best may have been
  set aside since; the rows know the next best.
  """
  rows = [row for row in writers.read(workdir) if row['split'] == 'validation' and row['step'] in steps]
  rows = [row for row in rows if isinstance(row.get(metric), float)]
  weights = 'averaged' if any(row.get('weights') == 'averaged' for row in rows) else 'raw'
  ranked = [of_row(row, metric) for row in rows if row.get('weights') == weights]
  with contextlib.suppress(UserError):  # a damaged file says nothing
    known = read(workdir)
    ranked += [known] if known and known.step in steps else []
  return min(ranked, key=lambda best: (best.value, best.step), default=None)


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
