"""The columns of a table: what a run keeps beside its weights, so that its rows can be read."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen import files
from jaxgen.errors import UserError

_FILE = 'columns.json'


class Columns(NamedTuple):
  """D columns, each of numbers or of categories.

  Attributes:
    names: of the columns.
    means: of a column of numbers over the observed values of the training split, in its own units; 0 of categories.
    deviations: its standard deviation there; 1 of categories.
    words: the categories of a column, in the order of their codes; empty of numbers.
  """

  names: tuple[str, ...]
  means: tuple[float, ...]
  deviations: tuple[float, ...]
  words: tuple[tuple[str, ...], ...]

  @property
  def categories(self) -> tuple[int, ...]:
    """How many each column has; 0 of numbers."""
    return tuple(map(len, self.words))

  def spelt(self, x: np.ndarray) -> list[list[str]]:
    """Rows f32[N, D] as a person reads them, in their own units and words; the names stand first.

    What is no number is left empty.
    """
    return [list(self.names), *([self._cell(*cell) for cell in enumerate(row)] for row in x.tolist())]

  def _cell(self, column, value):
    if np.isnan(value):
      return ''
    if words := self.words[column]:
      return words[int(np.clip(np.rint(value), 0, len(words) - 1))]
    return f'{value * self.deviations[column] + self.means[column]:.6g}'


def save(workdir: Path, columns: Columns) -> None:
  """Writes them into a run's folder."""
  files.write_text(Path(workdir) / _FILE, json.dumps(columns._asdict(), indent=2) + '\n')


def read(workdir: Path) -> Columns | None:
  """The columns of a run; None where it has none.

  Raises:
    UserError: if they are damaged.
  """
  path = Path(workdir) / _FILE
  if not path.exists():
    return None
  try:
    return _from_json(json.loads(path.read_text()))
  except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
    raise UserError(f'{path} is damaged; train the run anew, or put its own file back.') from None


def check_same(workdir: Path, now: Columns, name: str) -> None:
  """Sees to it that rows are encoded as those were that a run has learned from.

  Args:
    workdir: of the run.
    now: the columns as they are read today.
    name: of the table.

  Raises:
    UserError: if names, units or categories are no longer those of the run, or its columns are missing or damaged.
  """
  if read(workdir) != now:
    raise UserError(
      f'The columns of {name} are not those in {Path(workdir) / _FILE}, by which the run has learned; put the table '
      'and that file back as they were, or train the run anew.'
    )


def _from_json(stored):
  found = Columns(
    _entries(stored['names'], str),
    tuple(map(float, _entries(stored['means'], int, float))),
    tuple(map(float, _entries(stored['deviations'], int, float))),
    tuple(_entries(words, str) for words in _entries(stored['words'], list)),
  )
  if not found.names or len(set(map(len, found))) > 1:
    raise ValueError('not one entry for each column')
  if not np.isfinite(found.means + found.deviations).all() or min(found.deviations) <= 0:
    raise ValueError('no units')
  return found


def _entries(values, *types):
  if type(values) is not list or any(type(value) not in types for value in values):
    raise TypeError(f'no list of {types}')
  return tuple(values)
