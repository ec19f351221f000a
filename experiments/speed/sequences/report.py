"""Times against lengths as tables and as a picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.row_by_row import table_line
from experiments.speed.table import FOLDER, machine
from jaxgen import files


class Results:
  """What was measured; a row that is added is written at once, with the tables and the picture of all rows."""

  def __init__(self, folder: Path = FOLDER):
    self._path = folder / 'sequences.json'
    self.rows: dict[str, dict[str, Any]] = json.loads(self._path.read_text()) if self._path.exists() else {}

  def add(self, part: str, name: str, row: Mapping[str, Any]) -> None:
    """Puts a row in the place of the one of this name."""
    self.rows.setdefault(part, {})[name] = {**row, 'machine': machine()}
    self._path.parent.mkdir(exist_ok=True)
    files.write_text(self._path, json.dumps(self.rows, indent=2, sort_keys=True) + '\n')
    files.write_text(self._path.with_suffix('.md'), self.text())
    if self.rows.get('length'):
      plot(self.rows['length'], self._path.with_suffix('.png'))
    print(f'{part} {name}: {json.dumps(row)}', flush=True)

  def text(self) -> str:
    """The tables."""
    return '\n\n'.join(_PARTS[part](self.rows[part]) for part in _PARTS if part in self.rows) + '\n'


def slope(seconds: Mapping[str, float]) -> float:
  """Of the straight line through log seconds against log length, by least squares."""
  lengths, times = zip(*((int(length), value) for length, value in seconds.items()), strict=True)
  return float(np.polyfit(np.log(lengths), np.log(times), 1)[0])


def last_slope(seconds: Mapping[str, float]) -> float:
  """That between the two greatest lengths: what a cost comes to that grows with the length only in part."""
  longest = sorted(seconds, key=int)[-2:]
  return slope({length: seconds[length] for length in longest})


def plot(rows: Mapping[str, Mapping[str, Any]], path: Path) -> None:
  """Time against length, both in logarithms, with the slope of each line."""
  from matplotlib.figure import Figure

  figure = Figure(figsize=(6.0, 4.4), layout='constrained')
  panel = figure.subplots()
  for name, row in rows.items():
    points = sorted((int(length), value) for length, value in row['seconds'].items())
    label = f'{name} ({slope(row["seconds"]):.2f})' if len(points) > 1 else name
    panel.loglog(*zip(*points, strict=True), marker='.', linewidth=1.3, label=label)
  ticks = sorted({int(length) for row in rows.values() for length in row['seconds']})
  panel.set_xticks(ticks, [f'{tick:,}' for tick in ticks])
  panel.minorticks_off()
  panel.set_xlabel('entries')
  panel.set_ylabel(f'seconds for {next(iter(rows.values()))["num"]} examples')
  panel.set_title('Drawing with what is kept, and the slope of each line', fontsize=10)
  panel.grid(alpha=0.25)
  panel.legend(fontsize=8, frameon=False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def _length(rows):
  lengths = sorted({int(length) for row in rows.values() for length in row['seconds']})
  head = ['seconds', *(f'{length:,}' for length in lengths), 'slope', 'of the last two']
  lines = [table_line(head), table_line(['---', *['---:'] * (len(head) - 1)])]
  for name, row in rows.items():
    cells = [
      f'{row["seconds"][str(length)]:.3g}' if str(length) in row['seconds'] else '–' for length in lengths
    ]
    slopes = ['–'] * 2
    if len(row['seconds']) > 1:
      slopes = [f'**{slope(row["seconds"]):.2f}**', f'{last_slope(row["seconds"]):.2f}']
    lines.append(table_line([name, *cells, *slopes]))
  first = next(iter(rows.values()))
  note = (
    f'{first["num"]} examples drawn together, jax {first["versions"]["jax"]}, {first["machine"]}; medians. The slope '
    'is of a straight line through all lengths, and of the two greatest alone: 1 is a cost per entry that does not '
    'depend on how many there are. Attention to all before costs each entry as '
    'many products as there are places, filled or not, beside a perceptron and projections that cost the same for each.'
  )
  return (
    '## Time against length\n\n' + '\n'.join(lines) + f'\n\n{note}\n\n![time against length](sequences.png)'
  )


def _naive(rows):
  lines = [
    table_line(['of one entry, ms', 'length', 'naive', 'kept', 'naive / kept']),
    table_line(['---', '---:', '---:', '---:', '---:']),
  ]
  for name, row in rows.items():
    per_entry = {way: row[way]['seconds'] / row[way]['entries'] for way in ('naive', 'kept')}
    times = [f'{1e3 * per_entry[way]:.3g}' for way in ('naive', 'kept')]
    lines.append(
      table_line([name, f'{row["length"]:,}', *times, f'**{per_entry["naive"] / per_entry["kept"]:.0f}**'])
    )
  first = next(iter(rows.values()))
  note = (
    f'One example at a time. Naively the whole network runs on all {first["length"]:,} places for each entry, which '
    f'costs the same for all of them: it is timed on {first["naive"]["entries"]} entries.'
  )
  return '## What is kept against the whole network for each entry\n\n' + '\n'.join(lines) + f'\n\n{note}'


def _tokens(rows):
  lines = [
    table_line(['', 'tokens per second', 'jaxgen is faster by']),
    table_line(['---', '---:', '---:']),
  ]
  ((_, row),) = rows.items()
  for name, seconds in row['seconds'].items():
    ratio = '' if name == 'jaxgen' else f'**{seconds / row["seconds"]["jaxgen"]:.1f}**'
    lines.append(table_line([name, f'{row["length"] * row["num"] / seconds:,.0f}', ratio]))
  versions = ', '.join(f'{name} {version}' for name, version in row['versions'].items())
  apart = ', '.join(f'{name} {value:.1g}' for name, value in row['apart'].items())
  note = (
    f'{row["length"]:,} tokens of `transformer_text` with that context, {row["num"]} text at a time, eager PyTorch; '
    f"the same weights, whose logits differ from jaxgen's by at most: {apart}. nanoGPT: its loop, which crops the text "
    f'to the context and runs the whole network for each token. transformers: `GPTNeoXForCausalLM.generate()`. '
    f'{versions}; {row["machine"]}; medians.'
  )
  return '## Tokens per second, beside eager PyTorch\n\n' + '\n'.join(lines) + f'\n\n{note}'


_PARTS = {'length': _length, 'naive': _naive, 'tokens': _tokens}
