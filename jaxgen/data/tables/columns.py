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
    stored = json.loads(path.read_text())
    found = Columns(
      tuple(map(str, stored['names'])),
      tuple(map(float, stored['means'])),
      tuple(map(float, stored['deviations'])),
      tuple(tuple(map(str, words)) for words in stored['words']),
    )
    if len(set(map(len, found))) != 1:
      raise ValueError(found)
  except (OSError, ValueError, KeyError, TypeError):
    raise UserError(f'{path} is damaged; train the run anew, or put its own file back.') from None
  return found
