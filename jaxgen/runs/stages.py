"""What a run remembers of the runs that it is built on, `<workdir>/stages.json`: their configs, and which weights."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import files
from jaxgen.errors import UserError
from jaxgen.runs import history
from jaxgen.runs import workdir as workdirs
from jaxgen.runs.checkpoint_reader import leaf_name
from jaxgen.types import Stage


class Note(NamedTuple):
  """What is remembered of one stage: the attributes of `jaxgen.types.Stage` that are no arrays and no functions."""

  workdir: str
  config: ConfigDict
  step: int
  sha256: str


def checksum(weights: Any) -> str:
  """SHA-256 of the names and the content of all arrays of a tree."""
  digest = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(weights):
    array = np.ascontiguousarray(leaf)
    digest.update(f'{leaf_name(path)} {array.dtype} {array.shape}'.encode())
    digest.update(array.tobytes())
  return digest.hexdigest()


def read(workdir: Path, names: Iterable[str]) -> dict[str, Note]:
  """What the run in `workdir` began with, as the stages of these names.

  Raises:
    UserError: if the file is missing or damaged, or lacks one of them.
  """
  path = Path(workdir) / 'stages.json'
  try:
    notes = json.loads(path.read_text())
    return {
      name: Note(**{**notes[name], 'config': history.from_dict(notes[name]['config'])}) for name in names
    }
  except (OSError, ValueError, TypeError, AttributeError, KeyError):
    raise UserError(
      f'{path}, which says on which weights the run was built, is missing or damaged; put back a copy of it.'
    ) from None


def write(workdir: Path, stages: Mapping[str, Stage]) -> None:
  """Remembers them."""
  notes = {
    name: Note(stage.workdir, stage.config.to_dict(), stage.step, stage.sha256)._asdict()
    for name, stage in stages.items()
  }
  files.write_text(Path(workdir) / 'stages.json', json.dumps(notes, indent=2, sort_keys=True) + '\n')


def check_same(workdir: Path | None, name: str, stage: Stage, note: Note) -> None:
  """Sees to it that a stage is what the run in `workdir` began with, wherever it has been moved.

  Raises:
    UserError: if its weights, or what its config computes, are others.
  """
  if stage.sha256 != note.sha256:
    raise UserError(
      f'The stage {name} of {workdir} has changed: it began with the weights {note.sha256[:8]} of step {note.step}, '
      f'but {stage.workdir} holds {stage.sha256[:8]}; give --config.stages.{name}=<that folder>, or choose '
      'another --workdir for a new run.'
    )
  if changed := workdirs.binding(configs.differences(note.config, stage.config)):
    raise UserError(
      f'The config of the stage {name} of {workdir} has changed ({"; ".join(changed[:8])}); put back '
      f'{Path(stage.workdir) / "config.json"}, or choose another --workdir for a new run.'
    )


def check_codes(config: ConfigDict, stages: Mapping[str, Stage]) -> None:
  """Sees to it that data which are codes are those of a stage, where there is one.

  Raises:
    UserError: if they were made by other weights.
  """
  encoder = config.data.get('weights_sha256', '')
  if not encoder or not stages or any(stage.sha256 == encoder for stage in stages.values()):
    return
  there = ', '.join(
    f'{name} is {stage.sha256[:8]}, step {stage.step} of {stage.workdir}' for name, stage in stages.items()
  )
  raise UserError(
    f'{config.data.name} holds codes of the weights {encoder[:8]}, and {there}; make the codes with --use=codes '
    'and --step=<that step>, or give the run that they are of.'
  )
