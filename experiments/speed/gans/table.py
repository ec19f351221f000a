"""What was measured, kept as JSON and shown as Markdown."""

from collections.abc import Mapping
from typing import Any

from experiments.speed.table import Rows

SIDES = ('jaxgen', 'torch', 'torch, compiled')


def results() -> Rows:
  """All rows."""
  return Rows('gans', text)


def text(rows: Mapping[str, Mapping[str, Any]]) -> str:
  """The table: a line for each side of each model."""
  head = ['model', 'side', 'parameters', 'images/s', 'jaxgen to it', 'memory, MiB', 'first step, s']
  lines = [head, ['---', '---', *['---:'] * (len(head) - 2)]]
  for name, row in rows.items():
    lines += [_cells(name, side, row) for side in SIDES]
  parts = ['# The alternating step at 32x32', '\n'.join(f'| {" | ".join(line)} |' for line in lines)]
  return '\n\n'.join([*parts, *_notes(rows)]) + '\n'


def _cells(name, side, row):
  seconds = row['train'][side]
  return [
    name,
    side,
    f'{row["parameters"]:,}',
    f'{row["batch_size"] / seconds:.1f}',
    f'**{row["train"]["jaxgen"] / seconds:.2f}**' if side != 'jaxgen' else '',
    f'{row["memory"][side]:,.0f}',
    f'{row["first_step"][side]:.1f}',
  ]


def _notes(rows):
  if not rows:
    return []
  last = list(rows.values())[-1]
  versions = last['versions']
  spread = max(row['train']['spread'] for row in rows.values())
  return [
    f'jax {versions["jaxgen"]["jax"]}, torch {versions["torch"]["torch"]}, {versions["jaxgen"]["threads"]} and '
    f'{versions["torch"]["threads"]} threads; {last["machine"]}. Made by `python -m experiments.speed.gans`. Medians; '
    f'within a row the rounds of a side lay up to {spread:.0%} apart. Ratios: the time of jaxgen by that of the side, '
    'below 1 where jaxgen is faster. Memory: the most that the process held, libraries and compilation with it. First '
    'step: from building the networks to its end, nothing compiled before.'
  ]
