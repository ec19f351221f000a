"""What was measured, kept as JSON and shown as Markdown."""

from collections.abc import Mapping
from typing import Any

from experiments.speed.autoencoders.cases import CASES, NUM_SAMPLES
from experiments.speed.table import Rows

SIDES = ('jaxgen', 'pythae')
_WHAT = {'train': 'step', 'sample': 'samples'}


def results() -> Rows:
  """All rows."""
  return Rows('autoencoders', text)


def text(rows: Mapping[str, Mapping[str, Any]]) -> str:
  """The table: a line for each objective."""
  head = ['model', 'in pythae', 'parameters']
  for what in (*_WHAT.values(), 'memory', 'first step'):
    head += [f'{what}, {_unit(what)}', 'pythae', 'ratio']
  lines = [head, ['---', '---', *['---:'] * (len(head) - 2)]]
  lines += [_cells(name, row) for name, row in rows.items()]
  shown = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
  return '\n\n'.join(['# Autoencoders beside pythae', shown, *_notes(rows)]) + '\n'


def _unit(what):
  return {'memory': 'MiB', 'first step': 's'}.get(what, 'ms')


def _cells(name, row):
  cells = [f'`{name}`', f'`{CASES[name].model}`', f'{row["parameters"]:,}']
  for what in _WHAT:
    cells += _pair(row[what], 1e3, '.3g')
  return [*cells, *_pair(row['memory'], 1, ',.0f'), *_pair(row['first_step'], 1, '.2g')]


def _pair(found, unit, digits):
  ours, theirs = (found[side] for side in SIDES)
  return f'{unit * ours:{digits}}', f'{unit * theirs:{digits}}', f'**{ours / theirs:.2f}**'


def _notes(rows):
  if not rows:
    return []
  last = list(rows.values())[-1]
  ours, theirs = (last['versions'][side] for side in SIDES)
  spread = max(row[what]['spread'] for row in rows.values() for what in _WHAT)
  return [
    f'jax {ours["jax"]}, pythae {theirs["pythae"]} on torch {theirs["torch"]}, {ours["threads"]} and '
    f'{theirs["threads"]} threads; {last["machine"]}. Made by `python -m experiments.speed.autoencoders`. Binary '
    f'images of 28x28 in batches of {last["batch_size"]}, {NUM_SAMPLES:,} samples at a time; layers of the same '
    'widths, of SiLU in jaxgen, of ReLU in pythae. Medians; within a row the '
    f'rounds of a side lay up to {spread:.0%} apart. Ratios: what jaxgen takes by what pythae takes, below 1 where '
    'jaxgen takes less. Memory: the most that the process held, libraries and compilation with it. First step: from '
    'building the networks to the end of the first step of pythae, of the first dispatch of '
    f'{last["steps_per_dispatch"]} steps of jaxgen, nothing compiled before.'
  ]
