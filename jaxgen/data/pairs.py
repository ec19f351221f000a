"""Images in two sub-folders: pairs of the same names, or two domains without pairs."""

from collections.abc import Iterable
from pathlib import Path

from ml_collections import ConfigDict

from jaxgen.data import folder
from jaxgen.data.joined import Joined
from jaxgen.data.source import Source
from jaxgen.errors import UserError


def load_pairs(config: ConfigDict, name: str, split: str) -> Source:
  """Images and what they are made from, `pairs:<folder>`: two sub-folders hold files of the same names.

  The first sub-folder by name is the field x, what is modelled; the second is y, which may be given. Each is read as by
  `folder:`.

  Raises:
    UserError: if there are not two sub-folders, an image has no partner, or `folder.load` cannot read one.
  """
  root, (x, y) = _halves(name)
  alone = sorted(set(folder.files_below(x)) ^ set(folder.files_below(y)))
  if alone:
    place, other = (x, y) if (x / alone[0]).exists() else (y, x)
    more = f' (one of {len(alone)} that have none)' if len(alone) > 1 else ''
    raise UserError(
      f'{place / alone[0]} has no partner of that name in {other}{more}; put it there, or take it away.'
    )
  return _joined(config, root, x, y, split, paired=True)


def load_domains(config: ConfigDict, name: str, split: str) -> Source:
  """Two sets of images, `domains:<folder>`: two sub-folders, the first by name is x, the second y, without pairs.

  Raises:
    UserError: if there are not two sub-folders, or `folder.load` cannot read one.
  """
  root, (x, y) = _halves(name)
  return _joined(config, root, x, y, split, paired=False)


def _joined(config, root, x, y, split, paired):
  of_x, of_y = (folder.load(config, str(path), split) for path in (x, y))
  return Joined(f'{root} ({split})', of_x, of_y, paired)


def _halves(name: str) -> tuple[Path, Iterable[Path]]:
  root = Path(name).expanduser()
  if not root.is_dir():
    raise UserError(f'There is no folder {root}; name one with two sub-folders of images.')
  found = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith('.'))
  if len(found) != 2:
    there = ', '.join(path.name for path in found) or 'none'
    raise UserError(f'{root} must hold two sub-folders of images, for x and for y; there are: {there}.')
  return root, found
