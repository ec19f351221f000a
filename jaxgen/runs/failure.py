"""The note that a run leaves in its folder when its loss is no longer finite: `not_finite.json`.

Until the run has got further, its optimizers may be changed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxgen import files
from jaxgen.errors import UserError

_NAME = 'not_finite.json'
REMEDY = (
  'with a lower learning rate (--config.optimizer.learning_rate) or with gradient clipping '
  '(--config.optimizer.clip_norm)'
)


class Diverged(UserError):
  """A training that ended because a loss or the parameters were no longer finite."""


class NotFiniteRun(NamedTuple):
  """How a run ended.

  Attributes:
    reason: what was not finite, and at which step.
    step: of the checkpoint that it goes on from; 0: none was good, it begins again.
    optimizers: that it ended with, by their keys; None: an older note, which does not say.
  """

  reason: str
  step: int
  optimizers: Mapping[str, Any] | None = None


def write(workdir: Path, reason: str, step: int, optimizers: Mapping[str, Any] | None = None) -> None:
  """Leaves the note."""
  note = NotFiniteRun(reason, step, optimizers)
  files.write_text(Path(workdir) / _NAME, json.dumps(note._asdict(), indent=2) + '\n')


def read(workdir: Path) -> NotFiniteRun | None:
  """The note, or None where the run did not end so, or has got further since."""
  try:
    return NotFiniteRun(**json.loads((Path(workdir) / _NAME).read_text()))
  except (OSError, ValueError, TypeError):  # a garbled note allows nothing
    return None


def reminder(workdir: Path, optimizers: Mapping[str, Any]) -> str:
  """How the run ended, said where it goes on with these optimizers; '' where there is no note."""
  note = read(workdir)
  if note is None:
    return ''
  again = '; with the same settings it would end there again' if note.optimizers == optimizers else ''
  return f'{note.reason} when it ran last{again}.'


def clear(workdir: Path) -> None:
  """Removes the note: the run has got further."""
  (Path(workdir) / _NAME).unlink(missing_ok=True)
