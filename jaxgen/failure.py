"""The note that a run leaves in its folder when its loss is no longer finite: `not_finite.json`.

Until the run has got further, its optimizers may be changed; and its checkpoints are of the optimizers in the note.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from jaxgen import files

_NAME = 'not_finite.json'


class NotFiniteRun(NamedTuple):
  """How a run ended.

  Attributes:
    reason: what was not finite, and at which step.
    step: of the checkpoint that it goes on from; 0: none was good, it begins again.
    optimizers: the sections of its config that describe one, by their keys.
  """

  reason: str
  step: int
  optimizers: dict[str, Any]


def optimizer_keys(config: ConfigDict) -> list[str]:
  """The top-level keys that describe an optimizer: 'optimizer', 'discriminator_optimizer'."""
  return [key for key in config if key.endswith('optimizer')]


def write(workdir: Path, reason: str, step: int, config: ConfigDict) -> None:
  """Leaves the note."""
  plain = config.to_dict()
  note = NotFiniteRun(reason, step, {key: plain[key] for key in optimizer_keys(config)})
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


def as_saved(workdir: Path, config: ConfigDict) -> ConfigDict:
  """`config` with the optimizers that the checkpoints in `workdir` are of."""
  note = read(workdir)
  if note is None:
    return config
  config = config.copy_and_resolve_references()
  with config.unlocked():
    config.update(note.optimizers)
  return config
