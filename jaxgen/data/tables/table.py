"""Tables as examples: a row is a vector of numbers and codes of categories, beside a mask of what is observed."""

import numpy as np
from ml_collections import ConfigDict

from jaxgen.data import images, order, splits
from jaxgen.data.source import Source, from_arrays
from jaxgen.data.tables import reading
from jaxgen.data.tables.columns import Columns
from jaxgen.data.tables.reading import Cells
from jaxgen.errors import UserError
from jaxgen.types import Field

_FEWEST = 4  # rows
_LARGEST = 1e6  # standard deviations; beyond, squares in a network are no longer what float32 holds


def load(config: ConfigDict, name: str, split: str) -> Source:
  """The rows of `table:<path>.csv`, UTF-8 with commas, whose first line names the columns; or of scikit-learn's
  `table:wine` (178 rows: 13 numbers, 3 classes) and `table:breast_cancer` (569 rows: 30 numbers, 2 classes).

  A column whose every value is a number is one of numbers, one of which none is has categories, and one that is named
  in `config.categories` has them however it is written; a column of both is refused. See `reading.is_missing` for
  what a missing value is.

  The field x, f32[D] of the kind 'table', has one entry a column: a number less the mean, in standard deviations, both
  over the observed values of the training split; of categories the code, 0 for the first in the order of the alphabet.
  `observed`, a mask [D], is 1 where there is a value; where there is none x is 0. The names, units and words are the
  source's `columns`, and a resolved config says in `config.columns` how many categories each column has.

  With `config.missing` that share of the values is removed, each for itself (completely at random), by a key that
  `config.missing_seed` chooses: they are not observed. What they were is in `truth`, a table like x, 0 elsewhere, where
  the mask `removed` is 1.

  A tenth of the rows, chosen at random but always the same, is the test split, and `config.validation` of the others
  the validation split.

  Raises:
    UserError: if there is no such table, it cannot be read, has too few rows, a column has no values or one only to
      learn from, holds both numbers and words, or has a category that the training split lacks.
  """
  images.check_none_resized(config.image_size, f'table:{name}')
  cells = reading.read(name)
  if len(cells.rows) < _FEWEST:
    raise UserError(
      f'{cells.title} has {len(cells.rows)} rows; at least {_FEWEST} are needed to divide them.'
    )
  parts = _parts(len(cells.rows), config.validation)
  there = np.array([[not reading.is_missing(cell) for cell in row] for row in cells.rows])
  removed = there & (_uniform(there.shape, order.APART + config.missing_seed) < config.missing)
  learned = there & ~removed & np.isin(np.arange(len(there)), parts['train'])[:, None]
  columns, values = _columns(cells, there, learned, _of_categories(cells, there, config.categories))
  arrays = {
    'x': np.where(there & ~removed, values, 0).astype(np.float32),
    'observed': (there & ~removed).astype(np.uint8),
  }
  if config.missing:
    arrays |= {
      'truth': np.where(removed, values, 0).astype(np.float32),
      'removed': removed.astype(np.uint8),
    }
  width = (len(cells.names),)
  kinds = {'x': 'table', 'observed': 'mask', 'truth': 'table', 'removed': 'mask'}
  spec = {each: Field(kinds[each], width, 2 if kinds[each] == 'mask' else 0) for each in arrays}
  chosen = {each: array[parts[split]] for each, array in arrays.items()}
  return from_arrays(f'{cells.title} ({split})', spec, chosen, columns=columns)


def _parts(size, share):
  """Places of each split."""
  whole = splits.hold_out(size)
  if not share:
    return whole
  kept, held_out = splits.places(len(whole['train']), share)
  return {'train': whole['train'][kept], 'validation': whole['train'][held_out], 'test': whole['test']}


def _uniform(shape, key):
  """In [0, 1); the stream of a bit generator is the same in every version of NumPy."""
  return np.random.Philox(key=key).random_raw(shape[0] * shape[1]).reshape(shape) / 2.0**64


def _of_categories(cells, there, named):
  """Which columns have categories, bool[D]."""
  for name in named:
    if name not in cells.names:
      raise UserError(
        f'--config.data.categories names "{name}", but the columns of {cells.title} are {", ".join(cells.names)}.'
      )
  return [
    name in named or not _is_of_numbers(cells, column, there[:, column])
    for column, name in enumerate(cells.names)
  ]


def _is_of_numbers(cells: Cells, column: int, there: np.ndarray) -> bool:
  values = {row: reading.number(cells.rows[row][column]) for row in np.flatnonzero(there)}
  words = [row for row, value in values.items() if value is None]
  if not words or len(words) == len(values):
    return not words
  raise UserError(
    f'Column "{cells.names[column]}" of {cells.title} has numbers, but "{cells.rows[words[0]][column]}" in line '
    f"{cells.lines[words[0]]}; correct it, leave it empty, or name the column in --config.data.categories=('"
    f"{cells.names[column]}',)."
  )


def _columns(cells, there, learned, of_categories):
  """The columns, and the entries f64[N, D] of all rows in their units and codes."""
  found = []
  for column, has_words in enumerate(of_categories):
    texts, read = [row[column] for row in cells.rows], _categories if has_words else _numbers
    found.append(read(cells, column, texts, there[:, column], learned[:, column]))
  means, deviations, words, values = zip(*found, strict=True)
  return Columns(cells.names, means, deviations, words), np.stack(values, 1)


def _check_learned(cells, column, values):
  """Of the values of the training split, a set."""
  name = f'Column "{cells.names[column]}" of {cells.title}'
  if not values:
    raise UserError(f'{name} has only missing values among the rows to train on; remove the column.')
  if len(values) == 1:
    raise UserError(
      f'{name} has one value only, {min(values)}, among the rows to train on; remove the column.'
    )


def _numbers(cells, column, texts, there, learned):
  values = np.array([float(text) if is_there else 0.0 for text, is_there in zip(texts, there, strict=True)])
  _check_learned(cells, column, set(values[learned].tolist()))
  with np.errstate(over='ignore', invalid='ignore'):
    mean, deviation = values[learned].mean(), values[learned].std()
  if not 0 < deviation < np.inf:
    raise UserError(
      f'Column "{cells.names[column]}" of {cells.title} has numbers whose spread float64 does not hold, such as '
      f'{texts[np.flatnonzero(learned)[0]]}; give them in another unit.'
    )
  with np.errstate(over='ignore', invalid='ignore'):
    units = (values - mean) / deviation
  strange = np.flatnonzero(there & ~(np.abs(units) <= _LARGEST))
  if len(strange):
    raise UserError(
      f'Column "{cells.names[column]}" of {cells.title} has {texts[strange[0]]} in line {cells.lines[strange[0]]}, '
      f'which is more than {_LARGEST:g} standard deviations from the others; correct it, or leave it empty.'
    )
  return float(mean), float(deviation), (), units


def _categories(cells, column, texts, there, learned):
  words = tuple(sorted({texts[row] for row in np.flatnonzero(learned)}))
  _check_learned(cells, column, set(words))
  codes = {word: code for code, word in enumerate(words)}
  for row in np.flatnonzero(there):
    if texts[row] not in codes:
      raise UserError(
        f'Column "{cells.names[column]}" of {cells.title} has "{texts[row]}" in line {cells.lines[row]}, a category '
        'that no training row has; put it together with another one, or leave it empty.'
      )
  return 0.0, 1.0, words, np.array([float(codes.get(text, 0)) for text in texts])
