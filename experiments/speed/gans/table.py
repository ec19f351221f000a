"""What was measured, kept as JSON and shown as Markdown."""

import json
from collections.abc import Mapping

from experiments.speed.table import FOLDER, machine

SIDES = ('jaxgen', 'torch', 'torch, compiled')


class Results:
  """All rows, by the name of the model. One that is added is written at once."""

  def __init__(self):
    self._path = FOLDER / 'gans.json'
    self._rows = json.loads(self._path.read_text()) if self._path.exists() else {}

  def has(self, name: str) -> bool:
    """Whether there is a row of this name."""
    return name in self._rows

  def add(self, name: str, row: Mapping):
    """Puts a row in the place of the one of this name, and writes both files."""
    self._rows[name] = {**row, 'machine': machine()}
    FOLDER.mkdir(exist_ok=True)
    self._path.write_text(json.dumps(self._rows, indent=2) + '\n')
    self._path.with_suffix('.md').write_text(self.text())
    print(f'{name}: {json.dumps(row)}', flush=True)

  def text(self) -> str:
    """The table: a line for each side of each model."""
    head = ['model', 'side', 'parameters', 'images/s', 'jaxgen to it', 'memory, MiB', 'first step, s']
    lines = [head, ['---', '---', *['---:'] * (len(head) - 2)]]
    for name, row in self._rows.items():
      lines += [_cells(name, side, row) for side in SIDES]
    parts = ['# The alternating step at 32x32', '\n'.join(f'| {" | ".join(line)} |' for line in lines)]
    return '\n\n'.join([*parts, *_notes(self._rows)]) + '\n'


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
