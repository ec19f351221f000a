"""What was measured, kept as JSON and shown as Markdown."""

import json
import platform
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jaxgen.versions import processor

FOLDER = Path(__file__).parent / 'results'


def medians(times: Mapping[str, Sequence[float]]) -> dict:
  """Of each side, the medians; and how far apart the quickest and the slowest round were, at most."""
  spread = max((max(t) - min(t)) / statistics.median(t) for t in times.values())
  return {**{name: statistics.median(t) for name, t in times.items()}, 'spread': spread}


class Rows:
  """Rows by name, in `results/<name>.json` and, as `text` shows them, `.md`. One that is added is written at once."""

  def __init__(self, name: str, text: Callable[[Mapping[str, Mapping]], str]):
    self._path, self._text = FOLDER / f'{name}.json', text
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
    """All of them, for people."""
    return self._text(self._rows)


class Results:
  """All rows of one jax version on one kind of processor. A row that is added is written at once."""

  def __init__(self, version: str):
    self._path = FOLDER / f'jax-{version}-{in_file_names(processor())}.json'
    self._rows = json.loads(self._path.read_text()) if self._path.exists() else {}

  def add(self, part: str, name: str, row: Mapping):
    """Puts a row in the place of the one of this name, and writes both files."""
    self._rows.setdefault(part, {})[name] = {**row, 'machine': machine()}
    FOLDER.mkdir(exist_ok=True)
    self._path.write_text(json.dumps(self._rows, indent=2, sort_keys=True) + '\n')
    self._path.with_suffix('.md').write_text(self.text())
    print(f'{part} {name}: {json.dumps(row)}', flush=True)

  def text(self) -> str:
    """The tables."""
    return '\n\n'.join(_PARTS[part](self._rows[part]) for part in _PARTS if part in self._rows) + '\n'


def _models(rows):
  times = 'PyTorch | compiled | ratio'
  heads = f'train, ms | {times} | sample, ms | {times} | first step, s | cached | PyTorch'
  lines = [f'model | parameters | {heads}', '|'.join(['---', *['---:'] * 12])]
  for name, row in rows.items():
    train, sample, first = row['train'], row['sample'], row['first_step']
    cells = [name, f'{row["parameters"]:,}', *_compared(train), *_compared(sample)]
    cells += [f'{first[key]:.1f}' for key in ('jaxgen', 'jaxgen, cached', 'torch')]
    lines.append(' | '.join(cells))
  versions = next(iter(rows.values()))['versions']
  sides = f'jax {versions["jaxgen"]["jax"]}, torch {versions["torch"]["torch"]}'
  threads = f'{versions["jaxgen"]["threads"]} and {versions["torch"]["threads"]} threads'
  spread = max(max(row['train']['spread'], row['sample']['spread']) for row in rows.values())
  note = (
    f'{sides}, {threads}; {next(iter(rows.values()))["machine"]}. Medians; within a row the rounds of a side '
    f'lay up to {spread:.0%} apart. Ratios are jaxgen to PyTorch, '
    'compiled or not, whichever is faster; a dash where it was not compiled.'
  )
  return '## Models\n\n' + '\n'.join(f'| {line} |' for line in lines) + f'\n\n{note}'


def _compared(times):
  ours, eager, compiled = times['jaxgen'], times['torch'], times.get('torch, compiled')
  fastest = min(eager, compiled or eager)
  return _ms(ours), _ms(eager), _ms(compiled) if compiled else '–', f'**{ours / fastest:.2f}**'


def _ms(seconds):
  return f'{1e3 * seconds:.3g}' if seconds < 1 else f'{1e3 * seconds:,.0f}'


def _first_step(rows):
  lines = ['model | K | trace, s | compile, s | together | against K = 4', '---|---:|---:|---:|---:|---:']
  for name, row in rows.items():
    base = row['depths']['4']
    for depth, times in row['depths'].items():
      together = times['trace'] + times['compile']
      ratio = together / (base['trace'] + base['compile'])
      lines.append(
        f'{name} | {depth} | {times["trace"]:.1f} | {times["compile"]:.1f} | {together:.1f} | {ratio:.2f}'
      )
  return '## Time to the first step and depth\n\n' + '\n'.join(f'| {line} |' for line in lines)


def _waiting(rows):
  phases = list(next(iter(rows.values()))['cold'])
  lines = [
    '|'.join(['config | cache', *phases, 'together']),
    '|'.join(['---|---', *['---:'] * (len(phases) + 1)]),
  ]
  for name, row in rows.items():
    for kind in ('cold', 'cached'):
      times = [row[kind][phase] for phase in phases]
      times.append({unit: sum(t[unit] for t in times) for unit in ('seconds', 'cpu')})
      shown = ' | '.join(f'{t["seconds"]:.1f} ({t["cpu"]:.1f})' for t in times)
      lines.append(f'{name} | {"empty" if kind == "cold" else "full"} | {shown}')
  note = (
    'Seconds on the clock before the first step of a training run, and in brackets those of all processors.'
  )
  return '## Waiting for the first step\n\n' + '\n'.join(f'| {line} |' for line in lines) + f'\n\n{note}'


def _run(rows):
  lines = ['config | bare step, steps/s | a whole run, steps/s | ratio', '---|---:|---:|---:']
  for name, row in rows.items():
    bare, run = 1 / row['bare'], 1 / row['run']
    lines.append(f'{name} | {bare:,.1f} | {run:,.1f} | **{run / bare:.3f}**')
  note = 'The run logs and saves checkpoints as its config says; evaluation and pictures are left out.'
  return '## What the host costs\n\n' + '\n'.join(f'| {line} |' for line in lines) + f'\n\n{note}'


_PARTS = {'models': _models, 'first_step': _first_step, 'waiting': _waiting, 'run': _run}


def in_file_names(name: str) -> str:
  """A processor without its trade marks: 'Intel(R) Xeon(R) Processor' is `intel-xeon`."""
  words = re.findall('[a-z0-9]+', re.sub(r'\((r|tm)\)', ' ', name.lower()))
  return '-'.join(word for word in words if word not in ('processor', 'cpu'))


def machine() -> str:
  """The processor and the system, for people."""
  return f'{processor()}, {platform.system()}'
