"""What follows from the records of the runs: values over seeds, the fixed quality, and the time to it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from experiments.microscope.families import FAMILIES

COLLAPSED = 0.5  # of the classes: a run whose samples cover fewer has collapsed


def value(records: Sequence[Mapping], metric: str) -> float:
  """The value of a metric among records; nan where it is not there."""
  return next((record['value'] for record in records if record['metric'] == metric), np.nan)


def final(results: Sequence[Mapping], metric: str) -> np.ndarray:
  """A metric at the end of training, f64[seeds]; nan where a run failed or the metric does not apply."""
  return np.array([value(result['final'], metric) for result in results], np.float64)


def best_step(moments: Sequence[Mapping]) -> int:
  """The step of the moment with the fewest bits per dimension, of the validation split as theirs are."""
  bits = [value(moment['records'], 'bits_per_dim') for moment in moments]
  return moments[int(np.nanargmin(bits))]['step']


def best_bits(results: Sequence[Mapping]) -> np.ndarray:
  """Bits per dimension of the test split, at the moment that is best by validation, f64[seeds]; nan without any."""
  return np.array([value(result['best'], 'bits_per_dim') for result in results], np.float64)


def threshold(results: Mapping[str, Sequence[Mapping]]) -> float:
  """The fixed quality: the Fréchet distance that the median family ends with (the mean over its seeds).

  It is measured with the few samples of a moment, as the curves are.
  """
  ends = [
    np.mean([m[-1][1] for m in map(frechet_curve, seeds) if m] or [np.nan]) for seeds in results.values()
  ]
  return float(np.nanmedian(ends)) * 1.05


def frechet_curve(result: Mapping) -> list[tuple[float, float]]:
  """`[(seconds, Fréchet distance)]` over the moments of a run."""
  return [(moment['seconds'], value(moment['records'], 'frechet_distance')) for moment in result['moments']]


def seconds_to(result: Mapping, goal: float) -> float | None:
  """Seconds of training until the Fréchet distance is `goal` and stays there; None if it never is.

  Between two moments it is taken to fall evenly in the logarithms of both.
  """
  points = frechet_curve(result)
  if not points or not points[-1][1] <= goal:
    return None
  last_above = max((i for i, (_, distance) in enumerate(points) if distance > goal), default=-1)
  if last_above < 0:
    return points[0][0]
  (t0, d0), (t1, d1) = points[last_above], points[last_above + 1]
  share = (np.log(d0) - np.log(goal)) / max(np.log(d0) - np.log(max(d1, 1e-12)), 1e-12)
  return float(np.exp(np.log(t0) + share * (np.log(t1) - np.log(t0))))


def failures(results: Sequence[Mapping]) -> list[str]:
  """One phrase for each run that broke down or collapsed."""
  phrases = []
  for result in results:
    if result['failure']:
      phrases.append(f'seed {result["seed"]}: {result["failure"]}')
      continue
    record = next((r for r in result['final'] if r['metric'] == 'classes_covered'), None)
    total = int(record['settings'].removeprefix('of ')) if record else 0
    if record and record['value'] < COLLAPSED * total:
      phrases.append(f'seed {result["seed"]}: collapsed to {record["value"]:.0f} of {total} classes')
  return phrases


def quality_curves(
  results: Mapping[str, Sequence[Mapping]],
  names: Iterable[str] = tuple(FAMILIES),
  metric: str = 'frechet_distance',
  label: str = 'Fréchet distance',
  log: bool = True,
) -> dict:
  """A chart of a metric over the seconds of training: the mean over the seeds, and their range."""
  series = []
  for name in names:
    whole = [result['moments'] for result in results[name] if not result['failure']]
    if not whole:
      continue
    # a short run may have been looked at less often
    common = set.intersection(*({moment['fraction'] for moment in moments} for moments in whole))
    whole = [[moment for moment in moments if moment['fraction'] in common] for moments in whole]
    seconds = np.mean([[m['seconds'] for m in moments] for moments in whole], 0)
    values = np.array([[value(m['records'], metric) for m in moments] for moments in whole])
    known = np.isfinite(values).all(0)
    seconds, values = seconds[known], values[:, known]
    if known.any():
      series.append(
        {
          'name': FAMILIES[name].title,
          'family': name,
          'points': list(zip(seconds, values.mean(0), strict=True)),
          'low': list(values.min(0)),
          'high': list(values.max(0)),
        }
      )
  goal = threshold(results)
  rules = [{'y': goal, 'name': f'fixed quality: {goal:.3g}'}] if metric == 'frechet_distance' else []
  return {
    'kind': 'lines',
    'x': 'seconds of training',
    'y': label,
    'log_x': True,
    'log_y': log,
    'series': series,
    'rules': rules,
  }
