"""The rows as Markdown, and samples of all runs side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.row_by_row import table_line
from jaxgen import experiment, fields, show
from jaxgen.evaluate import reference_of
from jaxgen.metrics.printed import estimate
from jaxgen.types import Estimate
from jaxgen.uses.samples import sampler

TILES = 36  # of a run, in the picture
_MEASURES = {
  'bits_per_dim': 'bits/dim',
  'frechet_to_test': 'Fréchet to test',
  'frechet_to_train': 'Fréchet to train',
  'precision': 'precision',
  'recall': 'recall',
}


def table(rows: Sequence[Mapping[str, Any]], name: str) -> str:
  """The rows, with the protocol and every objective beneath.

  Args:
    rows: of one set of images.
    name: of the set.
  """
  head = ['config', 'parameters', 'steps', 'CPU minutes', 'evaluations', *_MEASURES.values()]
  lines = [table_line(head), table_line(['---', *['---:'] * (len(head) - 1)])]
  for row in rows:
    cost = [
      f'{row["parameters"]:,}',
      f'{row["steps"]:,}',
      '-' if row['cpu_minutes'] is None else f'{row["cpu_minutes"]:.1f}',
      str(row['evaluations']),
    ]
    lines.append(table_line([f'`{row["config"]}`', *cost, *(_cell(row, measure) for measure in _MEASURES)]))
  objectives = '\n'.join(
    f'- `{row["config"]}`: {row["objective"]}; bits per dimension: {estimate(Estimate(**row["estimate"]))}.'
    for row in rows
  )
  protocols, versions = rows[0]['protocols'], ', '.join(f'{k} {v}' for k, v in rows[0]['versions'].items())
  return (
    f'# Score models of {name}\n\n'
    + '\n'.join(lines)
    + f'\n\nMade by `python -m experiments.scores --name={name}{_options(rows)}`, seed {rows[0]["seed"]}, '
    'averaged weights. CPU minutes are of all cores, with start, compilation, evaluation and pictures, and none of a '
    'run that was there before; evaluations, of the network for one sample. Bits per dimension are of the test images'
    f'{_part(rows)}, ± the standard error of their mean; how each is estimated stands below. Fréchet distances compare '
    f'{protocols["frechet_to_test"]}, and {protocols["frechet_to_train"]}.\n\n{objectives}\n\n'
    f'{versions}.\n\n![samples]({name}.png)\n'
  )


def _options(rows):
  """What else the command had."""
  asked = {name: {row.get(name, 0) for row in rows} - {0} for name in ('samples', 'held_out')}
  return ''.join(f' --{name}={min(sizes)}' for name, sizes in asked.items() if sizes)


def _part(rows):
  """Of how many they are, in words, where the row says so."""
  sizes = sorted({row.get('held_out', 0) for row in rows})
  told = [f'{size:,} of them, spread over the split' if size else 'all of them' for size in sizes]
  return f' ({", or ".join(told)})' if any(sizes) else ''


def wall(workdirs: Sequence[Path]) -> np.ndarray:
  """Data, and as many samples of each run, side by side beneath their names; uint8[height, width, 3]."""
  runs = [experiment.load(path) for path in workdirs]
  field = fields.of(runs[0].config)['x']
  data = reference_of(runs[0].config).train.examples(np.arange(TILES))['x']
  drawn = [sampler(run.model, TILES)(*list(run.weights().values())[-1]) for run in runs]
  titles = ['data', *(path.name for path in workdirs)]
  return show.titled_row([show.picture(x, field) for x in (data, *drawn)], titles)


def _cell(row, measure):
  if measure not in row['metrics']:
    return '-'
  error = row['errors'].get(measure)
  return f'{row["metrics"][measure]:.3f}' + (f' ± {error:.3f}' if error and measure == 'bits_per_dim' else '')
