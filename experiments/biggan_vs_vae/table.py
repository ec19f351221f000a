"""The rows as Markdown: a table of each set, and a verdict on each sentence."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.biggan_vs_vae import measures
from experiments.biggan_vs_vae.recipes import BASE, FAMILIES, RECIPES, SETS, changes
from experiments.biggan_vs_vae.sentences import (
  COLLAPSED,
  DECIDING,
  LEANING,
  MEASURES,
  SENTENCES,
  UNCOVERED,
  in_words,
  mean_and_spread,
  values,
  verdict,
)
from experiments.row_by_row import options, table_line

_COLUMNS = tuple(name for name in MEASURES if name != 'collapsed')
_HEAD = ('family', 'recipe', 'seeds', *MEASURES.values(), 'parameters', 'steps', 'CPU minutes')


def table(rows: Sequence[Mapping[str, Any]]) -> str:
  """All sets that there are rows of, what the recipes are, and how it was measured."""
  parts = ['# BigGAN and autoencoders of the same blocks\n']
  for name in SETS:
    of_set = [row for row in rows if row['set'] == name]
    if of_set:
      parts += [f'## `{name}`\n', _measured(of_set), _judged(name, of_set)]
  return '\n'.join([*parts, _recipes(rows), _notes(rows)])


def _measured(rows):
  lines = [table_line(_HEAD), table_line(['---', '---', *['---:'] * (len(_HEAD) - 2)])]
  lines += [_line_of_data(row) for row in rows if row['family'] == 'data']
  for recipe in RECIPES:
    for family in FAMILIES:
      chosen = [row for row in rows if (row['family'], row['recipe']) == (family, recipe)]
      if chosen:
        lines.append(table_line(_cells(family, recipe, chosen)))
  return '\n'.join(lines) + '\n\n' + _features(rows)


def _line_of_data(row):
  numbers = [f'{row["metrics"][key]:.3g}' if key in row['metrics'] else '-' for key in _COLUMNS]
  return table_line(['data', 'training examples', '-', *numbers, '-', '-', '-', '-'])


def _cells(family, recipe, rows):
  finished = [row for row in rows if 'metrics' in row]
  if not finished:
    return [family, f'`{recipe}`', str(len(rows)), rows[0]['failure'], *['-'] * (len(_HEAD) - 4)]
  measured = [key for key in _COLUMNS if key == 'course' or key in finished[0]['metrics']]
  numbers = [
    mean_and_spread(values(finished, key, family, recipe)) if key in measured else '-' for key in _COLUMNS
  ]
  collapsed = int(sum(values(rows, 'collapsed', family, recipe)))
  minutes = statistics.fmean(row['cpu_minutes'] for row in finished)
  size, steps = finished[0]['parameters'], finished[0]['steps']
  counted = [f'{collapsed} of {len(rows)}', f'{size:,}', f'{steps:,}', f'{minutes:.2f}']
  return [family, f'`{recipe}`', str(len(rows)), *numbers, *counted]


def _features(rows):
  """By what these were compared, and what was wrong with the games, in the words of their health."""
  features = sorted({row['features'] for row in rows if 'features' in row})
  said = [
    f'- `{row["recipe"]}`, seed {row["seed"]}: {sentence}'
    for row in rows
    for sentence in row.get('health', ())
  ]
  return '\n'.join([f'Features: {", ".join(features) or "none"}.', *([''] if said else []), *said]) + '\n'


def _judged(name, rows):
  lines = [table_line(('sentence', 'verdict', 'by')), table_line(['---'] * 3)]
  for sentence in SENTENCES:
    if not sentence.sets or name in sentence.sets:
      lines.append(table_line((sentence.text, verdict(sentence, rows), in_words(sentence.claims, rows))))
  return '\n'.join(lines) + '\n'


def _recipes(rows):
  lines = [
    f'- `base`, {family}: `--config={name}`, {options(of_base)}' for family, (name, of_base) in BASE.items()
  ]
  for recipe in dict.fromkeys(row['recipe'] for row in rows if row['recipe'] not in ('', 'base')):
    for family in FAMILIES:
      if changed := changes(family, recipe):
        lines.append(f'- `{recipe}`, {family}: {options(changed)}')
  return 'The recipes:\n\n' + '\n'.join(lines) + '\n'


def _commands(rows):
  """What makes these rows: a line for all recipes of a family that have the same seeds and steps."""
  runs: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
  for row in rows:
    if row['family'] != 'data':
      runs.setdefault((row['set'], row['family'], row['recipe']), []).append(row)
  lines: dict[tuple[str, str, int, int], list[str]] = {}
  for (name, family, recipe), of_recipe in runs.items():
    seeds = max(row['seed'] for row in of_recipe) + 1
    lines.setdefault((name, family, seeds, of_recipe[0]['steps']), []).append(recipe)
  return '\n'.join(
    f'    python -m experiments.biggan_vs_vae --sets={name} --families={family} --recipes={",".join(recipes)} '
    f'--seeds={seeds} --steps={steps}'
    for (name, family, seeds, steps), recipes in lines.items()
  )


def _notes(rows):
  versions = {}
  for row in rows:
    versions |= row['versions']
  return (
    f'Made by\n\n{_commands(rows)}\n\nMeans over the seeds ± their standard deviation, averaged weights. '
    f'{measures.SAMPLES:,} samples are compared with all test examples by the features that are named; `score` is the '
    'inception score by the same classifier, in ten parts. Neither is an FID or an Inception score, which have the '
    'features of Inception. `variety`: the variance of the samples over that of the data. `reconstruction`: mean '
    f'square, pixels in [0, 1], test examples. `Fréchet on the way`: its mean at {measures.MOMENTS} moments of the '
    f'run, lower where it converges faster. `collapsed`: runs whose variety is below {COLLAPSED:.0%}, whose coverage '
    f'is below {UNCOVERED:.0%} of that of `data`, or that did not stay finite. `CPU minutes`: of training, of all '
    'threads, with the compilation that only the first seed needs; of a run that went on after a kill, only what '
    'followed.\n\n'
    'A claim holds where every seed of the one is better than every seed of the other, and does not hold here where '
    'every seed is worse, or all are equal; a run that did not stay finite is the worst. A sentence holds where all of '
    f'its claims do, and does not where one does not, once all have {DECIDING} seeds of either side. Before that it is '
    f'not decided, and leans to what the claims say that have {LEANING}.\n\n'
    + ', '.join(f'{name} {version}' for name, version in versions.items())
    + '.\n\n![samples](samples.png)\n\n![curves](curves.png)\n'
  )
