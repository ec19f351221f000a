"""The table: one row for each measure, one column for each family, mean and standard deviation over the seeds."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.microscope import quality
from experiments.microscope.budget import Bill
from experiments.microscope.families import FAMILIES
from experiments.microscope.verdict import seeds_in_words, spread


class Row(NamedTuple):
  """One measure.

  Attributes:
    group: 'Quality', ...
    name: for people.
    unit: of the values; 'Fréchet distance' has none but its own.
    cells: `{family: text}`.
    data: what data reach in the place of a model (`runs.ceiling`), as text.
    better: 'lower', 'higher' or ''.
    best: the families whose mean is best.
  """

  group: str
  name: str
  unit: str
  cells: Mapping[str, str]
  data: str
  better: str
  best: Sequence[str]


DATA = 'One half of the data'  # the column of `Row.data`

# (group, name, unit, metric, better, scale); a unit may name the number of examples that were compared with
_METRICS = (
  ('Quality', 'Fréchet distance', 'of features', 'frechet_distance', 'lower', 1),
  ('Quality', 'Kernel distance', 'of features', 'kernel_distance', 'lower', 1),
  ('Quality', 'Precision', '%', 'precision', 'higher', 100),
  ('Quality', 'Sharpness', '% of data', 'sharpness', '', 100),
  ('Variety', 'Recall', '%', 'recall', 'higher', 100),
  ('Variety', 'Coverage', '%', 'coverage', 'higher', 100),
  ('Variety', 'Classes covered', 'classes', 'classes_covered', 'higher', 1),
  ('Variety', 'Class balance', 'KL, nats', 'class_divergence', 'lower', 1),
  ('Memory', 'Fréchet distance to training data', '{examples} examples', 'frechet_to_train', '', 1),
  ('Memory', 'Fréchet distance to held-out data', '{examples} examples', 'frechet_to_test', 'lower', 1),
  ('Memory', 'Distance to the nearest training example', 'relative to held-out data', 'nearest_training_ratio', '', 1),
  ('Memory', 'Nearer to training data than held-out data are', '% of samples; 5 % of new data', 'copied', '', 100),
)  # fmt: skip


def rows(
  results: Mapping[str, Sequence[Mapping]],
  bills: Mapping[str, Bill],
  data: Sequence[Mapping],
  moment_samples: int,
) -> list[Row]:
  """All rows that apply to this data; the time to a quality is measured with `moment_samples`."""
  found = [_of_metric(results, data, *spec) for spec in _METRICS]
  found += [_density(results), _best_bits(results), _reconstruction(results)]
  found += [
    _times(results, moment_samples),
    _row('Cost', 'Samples, one at a time', '1/s', 'higher', _each(results, lambda r: r['speed'].get('1'))),
    _row('Cost', 'Samples, in batches of 64', '1/s', 'higher', _each(results, lambda r: r['speed'].get('64'))),
    _plain('Cost', 'Parameters', '', {f: f'{sum(b.parameters.values()):,}' for f, b in bills.items()}),
    _plain('Cost', 'of which needed to sample', '', {f: f'{_sampling(f, b):,}' for f, b in bills.items()}),
    _plain('Cost', 'Memory of training', 'MiB', {f: f'{b.peak_bytes / 2**20:.1f}' for f, b in bills.items()}),
    _plain('Cost', 'Compilation, two at a time', 'seconds', {f: f'{b.compile_seconds:.0f}' for f, b in bills.items()}),
    _row('Budget', 'Training, as it was', 'seconds', '', _each(results, lambda r: r['train_seconds'])),
    _row('Budget', 'Steps', '', '', _each(results, lambda r: r['steps'])),
    _plain('Stability', 'Spread of the Fréchet distance over seeds', '% of the mean', _stability(results)),
    _plain('Stability', 'Runs that failed or collapsed', 'of seeds', _failures(results)),
  ]  # fmt: skip
  return [row for row in found if any(text not in ('', 'none') for text in row.cells.values())]


def _each(results, get: Callable) -> dict[str, list[float]]:
  return {
    family: [np.nan if get(r) is None else get(r) for r in seeds if not r['failure']]
    for family, seeds in results.items()
  }


def _of_metric(results, data, group, name, unit, metric, better, scale):
  values = {
    f: [v * scale for v in v_]
    for f, v_ in _each(results, lambda r: quality.value(r['final'], metric)).items()
  }
  of_data = quality.value(data, metric) * scale
  unit = unit.format(examples=_examples(results, metric))
  return _row(group, name, unit, better, values, '' if np.isnan(of_data) else spread([of_data]))


def _examples(results, metric):
  found = (r for seeds in results.values() for s in seeds for r in s['final'] if r['metric'] == metric)
  return next((f'{record["n_reference"]:,}' for record in found), '')


def _row(group, name, unit, better, values, data=''):
  finite = {f: [v for v in vs if np.isfinite(v)] for f, vs in values.items()}
  cells = {f: spread(vs) if vs else 'none' for f, vs in finite.items()}
  means = {f: np.mean(vs) for f, vs in finite.items() if vs}
  sign = {'lower': 1, 'higher': -1}.get(better)
  leader = min(means.values(), key=lambda v: sign * v) if sign and len(means) > 1 else None
  best = [] if leader is None else [f for f, v in means.items() if v == leader]
  return Row(group, name, unit, cells, data, better, best if len(best) < len(means) else [])


def _plain(group, name, unit, cells):
  return Row(group, name, unit, cells, '', '', [])


def _density(results):
  row = _row(
    'Density', 'Bits per dimension', 'bits, test split', 'lower',
    _each(results, lambda r: quality.value(r['final'], 'bits_per_dim')),
  )  # fmt: skip
  kinds = {family: _kind(seeds) for family, seeds in results.items()}
  return row._replace(cells={f: f'{text}{kinds[f] and f" ({kinds[f]})"}' for f, text in row.cells.items()})


def _best_bits(results):
  values = {family: list(quality.best_bits(seeds)) for family, seeds in results.items()}
  return _row('Density', 'at the moment that is best by validation', 'bits, test split', 'lower', values)


def _kind(seeds):
  kind = next((r['kind'] for s in seeds for r in s['final'] if r['metric'] == 'bits_per_dim'), '')
  return {'lower bound': 'bound', 'ODE estimate of a lower bound': 'bound, ODE'}.get(kind, kind)


def _reconstruction(results):
  values = _each(results, lambda r: quality.value(r['final'], 'reconstruction_error'))
  return _row(
    'Density',
    'Reconstruction error',
    'RMS, % of pixel range',
    'lower',
    {f: [100 * v**0.5 for v in vs] for f, vs in values.items()},
  )


def _times(results, samples):
  """Seconds to the fixed quality, of the runs that reach it; the best are those all of whose runs do."""
  goal = quality.threshold(results)
  times = {f: [quality.seconds_to(r, goal) for r in seeds] for f, seeds in results.items()}
  reached = {f: [t for t in ts if t is not None] for f, ts in times.items()}
  name = f'Training to Fréchet ≤ {goal:.3g} of {samples:,} samples'
  all_reach = {f: ts if len(ts) == len(times[f]) else [] for f, ts in reached.items()}
  cells = {
    f: f'{spread(ts)} ({len(ts)} of {seeds_in_words(len(times[f]))})'
    if 0 < len(ts) < len(times[f])
    else spread(ts)
    for f, ts in reached.items()
  }
  return _row('Cost', name, 'seconds', 'lower', all_reach)._replace(cells=cells)


def _stability(results):
  cells = {}
  for family, seeds in results.items():
    values = quality.final(seeds, 'frechet_distance')
    values = values[np.isfinite(values)]
    cells[family] = f'{100 * values.std(ddof=1) / values.mean():.0f}' if len(values) > 1 else 'none'
  return cells


def _failures(results):
  return {family: f'{len(quality.failures(seeds))} of {len(seeds)}' for family, seeds in results.items()}


def _sampling(family, bill):
  """A sample needs neither the encoder nor the discriminator."""
  return sum(size for name, size in bill.parameters.items() if name not in ('encoder', 'discriminator'))


def as_markdown(found: Sequence[Row]) -> str:
  """The table as Markdown, the best of a row in bold."""
  titles = [FAMILIES[f].title for f in FAMILIES]
  lines = ['| | ' + ' | '.join([*titles, DATA]) + ' |', '|---|' + '---:|' * (len(titles) + 1)]
  for row in found:
    arrow = {'lower': ' ↓', 'higher': ' ↑'}.get(row.better, '')
    cells = [f'**{row.cells[f]}**' if f in row.best else row.cells[f] for f in FAMILIES]
    unit = f' ({row.unit})' if row.unit else ''
    lines.append(f'| {row.name}{unit}{arrow} | ' + ' | '.join([*cells, row.data]) + ' |')
  return '\n'.join(lines)
