"""Imputation: a table without gaps, and how far what fills them lies from the truth where that is known."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from jaxgen import show
from jaxgen.fields import OBSERVED
from jaxgen.uses.subject import Subject, Written, needed

_SHOWN = 8  # rows
_NEIGHBOURS = (1, 2, 5, 10, 20)


def run(subject: Subject) -> Written:
  """`imputation.csv`, the rows of the split with the one likeliest value in each gap, see `GenerativeModel.impute`, and
  `imputation.png`: the first eight, with gaps and without, and the truth where it is known.

  Where values were removed (`config.data.missing`) the errors at these are told, beside two baselines that learn from
  the same training split: means of columns (of categories the most frequent), and k nearest neighbours by what both
  rows have, with the k of 1, 2, 5, 10 and 20 that errs least where the model was chosen, on the validation split. See
  `errors`.
  """
  source = subject.source(subject.split)
  batch = source.examples(np.arange(len(source)))
  filled = _imputed(subject, subject.split)
  written = show.save(filled, subject.field, subject.folder / 'imputation', subject.about)
  groups, known = [show.with_gaps(batch, subject.field), filled], 'removed' in batch
  if known:
    groups.append(np.where(batch['removed'], batch['truth'], groups[0]))
  drawn = show.compared([group[:_SHOWN] for group in groups], subject.field, subject.about)
  show.save_png(drawn, written[0])
  if not known:
    return Written(tuple(written), {'rows': len(filled)})
  categories = np.array(subject.trained.config.data.columns)
  neighbours = _best_k(subject, categories)
  found = {
    'model': filled,
    'column means': _means(subject, batch, categories),
    'nearest neighbours': _nearest(subject, batch, categories, neighbours),
  }
  rows = {name: errors(x, batch, categories) for name, x in found.items()}
  numbers = {
    'rows': len(filled),
    'removed': int(batch['removed'].sum()),
    'neighbours': neighbours,
    'errors': rows,
  }
  return Written(tuple(written), numbers, _table(rows))


def errors(x: np.ndarray, batch: Mapping[str, np.ndarray], categories: np.ndarray) -> dict[str, float | None]:
  """How far filled rows lie from the truth at the values that were removed.

  Args:
    x: f32[N, D], without gaps.
    batch: with `truth`, f32[N, D], and `removed`, [N, D].
    categories: how many each column has, i64[D]; 0 of numbers.

  Returns:
    `rmse`, the root of the mean square over numbers, in standard deviations of the training split, and `error_rate`,
    the share of categories that are wrong; None where none were removed.
  """
  removed, difference = batch['removed'] != 0, x - batch['truth']
  numbers, codes = difference[removed & (categories == 0)], difference[removed & (categories > 0)]
  return {
    'rmse': float(np.sqrt(np.mean(numbers**2))) if numbers.size else None,
    'error_rate': float(np.mean(np.abs(codes) > 0.5)) if codes.size else None,
  }


def _imputed(subject: Subject, split: str) -> np.ndarray:
  """The rows of a split without gaps, f32[N, D]."""
  impute, source = needed(subject.model.impute), subject.source(split)

  def of_batch(params, extra, rng, batch):
    return impute(params, extra, rng, batch, jnp.ones(batch['x'].shape, bool))

  return subject.per_example(of_batch, subject.rng('imputation'), source, np.arange(len(source)))


def _best_k(subject, categories):
  """By the sum of both errors on the validation split; 5 where there is none."""
  if not subject.trained.config.data.validation:
    return 5
  source = subject.source('validation')
  batch = source.examples(np.arange(len(source)))

  def error(k):
    found = errors(_nearest(subject, batch, categories, k), batch, categories)
    return sum(value or 0.0 for value in found.values())

  return min(_NEIGHBOURS, key=error)


def _means(subject, batch, categories):
  """The shares of a column's categories have their largest mean where the most frequent one is."""
  from sklearn.impute import SimpleImputer  # a second to import

  return _filled(subject, batch, categories, SimpleImputer())


def _nearest(subject, batch, categories, k):
  from sklearn.impute import KNNImputer

  return _filled(subject, batch, categories, KNNImputer(n_neighbors=k))


def _filled(subject, batch, categories, imputer):
  """What an imputer of scikit-learn, fitted to the training split, makes of rows; one column for each category."""
  train = subject.source('train').resident()
  imputer.fit(_one_hot(train, categories))
  filled = imputer.transform(_one_hot(batch, categories))
  ends = np.cumsum(np.maximum(categories, 1))
  columns = [
    part.argmax(1) if count else part[:, 0]
    for count, part in zip(categories, np.split(filled, ends[:-1], axis=1), strict=True)
  ]
  return np.stack(columns, 1).astype(np.float32)


def _one_hot(batch, categories):
  """Rows f64[N, numbers and categories] with nan for what was not observed."""
  parts = []
  for column, count in enumerate(categories):
    values = batch['x'][:, column, None]
    part = values == np.arange(count) if count else values
    parts.append(np.where(batch[OBSERVED][:, column, None], part, np.nan))
  return np.concatenate(parts, 1)


def _table(rows):
  lines = [f'{"":24} {"RMSE of numbers":>16} {"wrong categories":>17}']
  for name, row in rows.items():
    rmse, rate = (_shown(row['rmse'], '.4f'), _shown(row['error_rate'], '.2%'))
    lines.append(f'{name:24} {rmse:>16} {rate:>17}')
  return '\n'.join(lines)


def _shown(value, form):
  return '-' if value is None else format(value, form)
