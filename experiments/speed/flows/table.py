"""What was measured, kept as JSON and shown as Markdown."""

import importlib.metadata
import json
from collections.abc import Mapping

from experiments.speed.table import FOLDER, machine

WORDS = {'gradient': 'log-likelihood with its gradient', 'sample': 'sampling'}
PACKAGES = ('jax', 'torch', 'nflows', 'zuko', 'normflows', 'flowjax', 'distrax')


class Results:
  """All rows, by part and name. One that is added is written at once."""

  def __init__(self):
    self._path = FOLDER / 'flows.json'
    self._rows = json.loads(self._path.read_text()) if self._path.exists() else {}

  def has(self, part: str, name: str) -> bool:
    """Whether there is a row of this name."""
    return name in self._rows.get(part, {})

  def add(self, part: str, name: str, row: Mapping):
    """Puts a row in the place of the one of this name, and writes both files."""
    self._rows.setdefault(part, {})[name] = {**row, 'machine': machine(), 'packages': _packages()}
    FOLDER.mkdir(exist_ok=True)
    self._path.write_text(json.dumps(self._rows, indent=2) + '\n')
    self._path.with_suffix('.md').write_text(self.text())
    print(f'{part} {name}: {json.dumps(row)}', flush=True)

  def text(self) -> str:
    """The tables."""
    rows, parts = self._rows.get('flows', {}), ['# Flows against other packages']
    for flow in dict.fromkeys(name.split()[0] for name in rows):
      for what, words in WORDS.items():
        chosen = {name.split()[2]: row for name, row in rows.items() if name.split()[:2] == [flow, what]}
        if chosen:
          parts += [f'## {flow}: {words}', _flow(chosen)]
    if 'depth' in self._rows:
      parts += ['## Seconds to the first gradient', _depth(self._rows['depth'])]
    return '\n\n'.join([*parts, *_notes(self._rows)]) + '\n'


def _flow(rows):
  """Milliseconds, a side in each row, and how many times as long as jaxgen."""
  sides = list(dict.fromkeys(side for row in rows.values() for side in row['seconds']))
  lines = [
    ['', 'parameters', *(f'batch {batch}, ms' for batch in rows)],
    ['---', *['---:'] * (len(rows) + 1)],
  ]
  for side in sides:
    parameters = next(row['parameters'][side] for row in rows.values() if side in row['parameters'])
    cells = [_cell(row['seconds'].get(side), row['seconds']['jaxgen']) for row in rows.values()]
    lines.append([side, f'{parameters:,}', *cells])
  return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _cell(seconds, ours):
  return '-' if seconds is None else f'{1e3 * seconds:.3g} ({seconds / ours:.2g}x)'


def _depth(rows):
  lines = ['| flow | layers | scanned, first | unrolled, first | scanned, later | unrolled, later |']
  lines.append('|---|---:|---:|---:|---:|---:|')
  for name, row in rows.items():
    flow, num = name.split()
    firsts = ' | '.join(f'{row[kind]["first"]:.1f}' for kind in ('scanned', 'unrolled'))
    laters = ' | '.join(f'{row[kind]["later"]:.4f}' for kind in ('scanned', 'unrolled'))
    lines.append(f'| {flow} | {num} | {firsts} | {laters} |')
  return '\n'.join(lines)


def _notes(rows):
  every = [row for part in rows.values() for row in part.values()]
  if not every:
    return []
  packages = ', '.join(f'{name} {version}' for name, version in every[-1]['packages'].items())
  return [
    f'{every[-1]["machine"]}; {packages}. Medians; in brackets, how many times as long as jaxgen it takes. A dash: '
    '`torch.compile` failed or had not ended after the time it was given.'
  ]


def _packages():
  return {name: importlib.metadata.version(name) for name in PACKAGES}
