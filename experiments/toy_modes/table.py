"""The rows as Markdown."""

from collections.abc import Mapping, Sequence

from experiments.row_by_row import options, table_line
from experiments.toy_modes.recipes import RECIPES

CLOSE = 0.9  # of the samples, for a run that has reached it
SEEDS = 5  # all of which a recipe has to reach it with
_HEAD = (
  'recipe',
  'reached it',
  'modes, worst to best',
  'close, worst to best',
  'rarest mode',
  'steps',
  'CPU minutes',
)


def reached(row: Mapping) -> bool:
  """Whether a run has found every mode, with 90 % of its samples within three standard deviations of one."""
  return 'close' in row and row['covered'] == row['total'] and row['close'] >= CLOSE


def table(rows: Sequence[Mapping]) -> str:
  """A table of each set, one line for each recipe; one that reaches it with five seeds of five is bold."""
  parts = ['# All modes, and good samples\n']
  for name in dict.fromkeys(row['set'] for row in rows):
    lines = [table_line(_HEAD), table_line(['---', *['---:'] * (len(_HEAD) - 1)])]
    of_set = [row for row in rows if row['set'] == name]
    for recipe in dict.fromkeys(row['recipe'] for row in of_set):
      lines.append(table_line(_cells(recipe, [row for row in of_set if row['recipe'] == recipe])))
    parts.append(f'## `{name}`\n\n' + '\n'.join(lines) + '\n')
  changed = [f'- `{name}`: {_words(RECIPES[name])}' for name in dict.fromkeys(row['recipe'] for row in rows)]
  parts.append('The recipes:\n\n' + '\n'.join(changed) + '\n')
  return '\n'.join([*parts, _notes(rows)])


def _cells(recipe, rows):
  num = sum(map(reached, rows))
  name = f'**`{recipe}`**' if num == len(rows) >= SEEDS else f'`{recipe}`'
  finished = [row for row in rows if 'close' in row]
  if not finished:
    return [name, f'{num} of {len(rows)}', rows[0]['failure'], '-', '-', f'{rows[0]["steps"]:,}', '-']
  covered, close, rarest = (sorted(row[key] for row in finished) for key in ('covered', 'close', 'rarest'))
  minutes = sum(row['cpu_minutes'] for row in finished) / len(finished)
  return [
    name,
    f'{num} of {len(rows)}',
    f'{covered[0]} to {covered[-1]} of {finished[0]["total"]}',
    f'{close[0]:.1%} to {close[-1]:.1%}',
    f'{rarest[0]:.2f}',
    f'{finished[0]["steps"]:,}',
    f'{minutes:.2f}',
  ]


def _words(changes):
  return options(changes) or '`configs/gan_toy.py` as it stands'


def _notes(rows):
  versions = {}
  for row in rows:
    versions |= row['versions']
  return (
    'Made by `python -m experiments.toy_modes`. A run has reached it if it covers every mode and at least '
    f'{CLOSE:.0%} of its 2,500 samples lie within three standard deviations of one (of perfect samples 98.9 % do). '
    '`rarest mode`: the share of the mode with the fewest samples, 1 where all are alike, in the worst of the runs. '
    '`CPU minutes`: of all threads, the mean over the seeds.\n\n'
    + ', '.join(f'{name} {version}' for name, version in versions.items())
    + '.\n\n![samples](samples.png)\n'
  )
