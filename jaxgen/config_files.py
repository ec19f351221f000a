"""Where config files are: one of the user's own, or one of those that come with jaxgen."""

import difflib
from pathlib import Path

from jaxgen.errors import UserError

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / 'configs', _HERE.parent / 'configs')  # of an installed jaxgen, of a checkout


def names() -> list[str]:
  """The configs that come with jaxgen: `['gan_cifar', 'gan_digits', ...]`."""
  return sorted(_shipped())


def find(name: str) -> Path:
  """The file that `--config=` names.

  Args:
    name: a path, `configs/glow_digits.py`, or the name of a config that comes with jaxgen, `glow_digits`. Where no
      file `configs/glow_digits.py` lies below the current folder, that is the name of one as well.

  Raises:
    UserError: if there is neither.
  """
  path = Path(name)
  if path.is_file():
    return path
  shipped = _shipped()
  if path.parent in (Path(), Path('configs')) and path.suffix in ('', '.py') and path.stem in shipped:
    return shipped[path.stem]
  near = difflib.get_close_matches(path.stem, sorted(shipped), n=1, cutoff=0.4)
  hint = f'did you mean {near[0]}?' if near else f'name a file that exists, or one of {", ".join(names())}.'
  raise UserError(f'There is no config file {name}; {hint}')


def _shipped():
  return {path.stem: path for folder in _FOLDERS for path in folder.glob('*.py')}
