"""What tells a run's data apart, `<workdir>/data.json`: the content of its splits, and the vocabulary of its text.

A run that is older than the file, or than an entry of it, is held to nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgen import files
from jaxgen.errors import UserError

_FILE = 'data.json'


def of_vocabulary(vocabulary: Any) -> dict[str, int | str]:
  """What tells a `jaxgen.data.vocabulary.Vocabulary` from another one: a model knows no tokens but places in it.

  `{'tokens': size, 'sha256': of all that it spells by}`.
  """
  spelt = json.dumps(vocabulary._asdict(), sort_keys=True)
  return {'tokens': vocabulary.size, 'sha256': hashlib.sha256(spelt.encode()).hexdigest()}


def write(workdir: Path, content: Mapping[str, Any]) -> None:
  """Remembers it, see `jaxgen.runs.workdir.claim`."""
  files.write_text(Path(workdir) / _FILE, json.dumps(content, indent=2) + '\n')


def check_same(workdir: Path, content: Mapping[str, Any]) -> None:
  """Sees to it that data are those that a run began with; splits that it has not seen may be any.

  Args:
    workdir: of the run.
    content: see `jaxgen.runs.workdir.claim`.

  Raises:
    UserError: if they are others, or the run's note of them is damaged.
  """
  before = _read(workdir)
  for split, now in content.items():
    if before.get(split, now) != now:
      raise UserError(
        f'The data ({split}) are no longer those that the run in {workdir} began with: {_told(before[split])} then, '
        f'{_told(now)} now; put the old ones back, choose another --workdir, or remove {Path(workdir) / _FILE} to go '
        'on with the new ones knowingly.'
      )


def check_same_vocabulary(workdir: Path, vocabulary: Any) -> None:
  """Sees to it that the vocabulary that is found in a run's folder is that of its training.

  Raises:
    UserError: if it is another one, of whatever size, or the run's note of it is damaged.
  """
  now = of_vocabulary(vocabulary)
  before = _read(workdir).get('vocabulary', now)
  if before != now:
    raise UserError(
      f'The vocabulary of {workdir} is not that of its training, and would spell every sample otherwise: '
      f'{_told(before)} then, {_told(now)} now; put back its own vocabulary.json.'
    )


def _read(workdir):
  """The note, of which every entry can be told; {} where there is none."""
  path = Path(workdir) / _FILE
  try:
    before = json.loads(path.read_text())
    for content in before.values():
      _told(content)
  except OSError:
    return {}
  except (ValueError, TypeError, AttributeError, KeyError):
    raise UserError(
      f'{path} is damaged; put back a copy of it, or remove it to go on unless the data changed.'
    ) from None
  return before


def _told(content):
  count = ', '.join(f'{number:,} {what}' for what, number in content.items() if what != 'sha256')
  return f'{count}, checksum {content["sha256"][:8]}'
