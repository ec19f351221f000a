"""The note that a run leaves in its folder when its loss is no longer finite: `not_finite.json`.

Until the run has got further, its optimizers may be changed.
"""

import json
from pathlib import Path
from typing import NamedTuple

from jaxgen import files

_NAME = 'not_finite.json'


class NotFiniteRun(NamedTuple):
  """How a run ended.

  Attributes:
    reason: what was not finite, and at which step.
    step: of the checkpoint that it goes on from; 0: none was good, it begins again.
  """

  reason: str
  step: int


def write(workdir: Path, reason: str, step: int) -> None:
  """Leaves the note."""
  note = NotFiniteRun(reason, step)
  files.write_text(Path(workdir) / _NAME, json.dumps(note._asdict(), indent=2) + '\n')


def read(workdir: Path) -> NotFiniteRun | None:
  """The note, or None where the run did not end so, or has got further since."""
  try:
    return NotFiniteRun(**json.loads((Path(workdir) / _NAME).read_text()))
  except (OSError, ValueError, TypeError):  # a garbled note allows nothing
    return None


def clear(workdir: Path) -> None:
  """Removes the note: the run has got further."""
  (Path(workdir) / _NAME).unlink(missing_ok=True)
