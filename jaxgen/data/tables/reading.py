"""From a `.csv` file, or an embedded set, to cells: texts in rows and columns."""

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

from jaxgen.data import images
from jaxgen.errors import UserError

EMBEDDED = ('wine', 'breast_cancer')
_MISSING = frozenset(('', '?', 'na', 'n/a', 'nan', 'null'))


class Cells(NamedTuple):
  """A table as it is written down.

  Attributes:
    title: what to call it.
    names: of its D columns.
    rows: N rows of D texts.
    lines: where each row ends in the file.
  """

  title: str
  names: tuple[str, ...]
  rows: list[list[str]]
  lines: list[int]


def is_missing(cell: str) -> bool:
  """Whether a cell holds no value: it is empty, `?`, `NA`, `N/A`, `NaN` or `null`, in letters of any size."""
  return cell.lower() in _MISSING


def number(cell: str) -> float | None:
  """The finite number that a cell holds; None where it holds none."""
  try:
    value = float(cell)
  except ValueError:
    return None
  return value if math.isfinite(value) and '_' not in cell else None


def read(name: str) -> Cells:
  """The cells of a file, or of one of `EMBEDDED`, without the space around them.

  Raises:
    UserError: if there is no such file, it is no UTF-8 or no table, or one of its rows is longer or shorter.
  """
  path = Path(name).expanduser()
  if not path.exists() and name in EMBEDDED:
    return _embedded(name)
  if not path.is_file():
    what = 'is a folder' if path.is_dir() else 'does not exist'
    raise UserError(
      f'{path} {what}; set --config.data.name=table:<path>.csv to a file, or to table:{" or table:".join(EMBEDDED)}.'
    )
  images.check_memory(str(path), path.stat().st_size)
  return _parsed(path)


def _parsed(path):
  try:
    text = path.read_bytes().decode('utf-8-sig')
  except UnicodeDecodeError:
    raise UserError(f'{path} is no UTF-8; save it as UTF-8.') from None
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}.') from None
  reader = csv.reader(io.StringIO(text, newline=''), strict=True, skipinitialspace=True)
  rows, lines, empty = [], [], []
  try:
    for row in reader:
      if row:
        rows.append([cell.strip() for cell in row])
        lines.append(reader.line_num)
      else:
        empty.append(reader.line_num)
  except csv.Error as error:
    raise UserError(f'{path}, line {reader.line_num}: {error}; write the file anew.') from None
  if not rows:
    raise UserError(f'{path} is empty; its first line names the columns, and each further line is a row.')
  between = [line for line in empty if lines[0] < line < lines[-1]]
  if len(rows[0]) == 1 and between:
    raise UserError(
      f'{path}, line {between[0]}: it is empty; write NA where a value is missing, or remove the line.'
    )
  _check_names(path, rows[0], rows[1:])
  for row, line in zip(rows, lines, strict=True):
    if len(row) != len(rows[0]):
      raise UserError(
        f'{path}, line {line}: there are {len(row)} cells, but {len(rows[0])} columns; make them as many.'
      )
  return Cells(str(path), tuple(rows[0]), rows[1:], lines[1:])


def _check_names(path, names, rows):
  if all(
    number(name) is not None or is_missing(name) or any(row[place : place + 1] == [name] for row in rows)
    for place, name in enumerate(names)
  ):
    raise UserError(
      f'The first line of {path} names no columns: each of its cells is a number, is missing or stands below too; '
      'put a line of names above the rows.'
    )
  for place, name in enumerate(names):
    if not name:
      raise UserError(f'Column {place + 1} of {path} has no name in the first line; give it one.')
    if name in names[:place]:
      raise UserError(f'Two columns of {path} are called "{name}"; give each a name of its own.')


def _embedded(name):
  """The measurements of scikit-learn's set, and as the last column the class in words."""
  from sklearn import datasets  # a second to import

  found = getattr(datasets, f'load_{name}')()
  rows = [
    [*map(repr, values), str(found.target_names[label])]
    for values, label in zip(found.data.tolist(), found.target.tolist(), strict=True)
  ]
  title = f'the {name.replace("_", " ")} set of scikit-learn'
  return Cells(title, (*map(str, found.feature_names), 'class'), rows, list(range(2, len(rows) + 2)))
