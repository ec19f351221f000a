"""What the microscope was asked for, and the folder that keeps what is done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jaxgen import files
from jaxgen.errors import UserError

# Another number of seeds, or other claims, go on with the same folder; everything else would mix unlike runs.
_FREE = ('seeds', 'claims')

# What is not given on the command line, by preset: 'smoke' trains for minutes where the whole takes 15.
DEFAULTS = {
  '': {'minutes': 1.0, 'seeds': 3, 'samples': 1000, 'claim_steps': 800},
  'smoke': {'minutes': 0.05, 'seeds': 2, 'samples': 200, 'claim_steps': 50},
}


class Settings(NamedTuple):
  """The options of the command line.

  Attributes:
    data: as `config.data.name`: 'digits', 'tfds:<name>', 'folder:<path>', 'npz:<path>'.
    image_size: resize to this many pixels a side; 0: as they are.
    minutes: of training steps for each run, without compilation, checkpoints and measurement.
    seeds: runs of each family, and of each arm of a claim.
    parameters: that each family is given, about; 0: by the size of the images.
    samples: that a finished run is measured by.
    claim_steps: training steps of the small runs that claims are tested by.
    out: the folder.
    claims: the names of those to test; empty: all.
    preset: of the configs; 'smoke' goes through everything with models too small to be any good.
  """

  data: str
  image_size: int
  minutes: float
  seeds: int
  parameters: int
  samples: int
  claim_steps: int
  out: Path
  claims: tuple[str, ...] = ()
  preset: str = ''

  @property
  def cache(self) -> Path:
    """What all runs share: the classifier and the features of the data."""
    return self.out / 'cache'


def check(settings: Settings) -> None:
  """Raises a `UserError` if a number cannot be used."""
  least = {'minutes': 0, 'seeds': 0, 'samples': 99, 'claim_steps': 0, 'parameters': -1, 'image_size': -1}
  for name, bound in least.items():
    if getattr(settings, name) <= bound:
      raise UserError(f'--{name}={getattr(settings, name)} is too small; it must be more than {bound}.')


def claim_folder(settings: Settings) -> None:
  """Makes the folder this microscope's own.

  Raises:
    UserError: if it holds one of other settings, or cannot be written.
  """
  path = settings.out / 'settings.json'
  asked = {**settings._asdict(), 'out': ''}
  try:
    settings.out.mkdir(parents=True, exist_ok=True)
    held = json.loads(path.read_text()) if path.is_file() else asked
    files.write_text(path, json.dumps(asked, indent=2))
  except OSError as error:
    raise UserError(f'The folder {settings.out} cannot be written: {error.strerror}.') from None
  changed = [f'{k}: {held.get(k)} -> {v}' for k, v in asked.items() if held.get(k) != v and k not in _FREE]
  if changed:
    files.write_text(path, json.dumps(held, indent=2))
    raise UserError(
      f'{settings.out} holds a microscope of other settings ({"; ".join(changed)}); choose another --out, '
      'or give the same settings to go on with that one.'
    )


def kept(path: Path, compute: Callable[[], Any]) -> Any:
  """What `compute()` gave when it first came to its end, as JSON: a killed microscope goes on after it."""
  if path.is_file():
    return json.loads(path.read_text())
  value = compute()
  files.write_text(path, json.dumps(value))
  return json.loads(json.dumps(value))
