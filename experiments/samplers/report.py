"""The rows as Markdown and as curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.row_by_row import table_line
from jaxgen import files

Row = Mapping[str, Any]
_CHAIN = 'annealed'  # what the others are set against
_MARKERS = 'os^vDP*X<>dh'
_COLOURS = (*(f'C{index}' for index in range(10)), 'black', 'darkblue')


def table(rows: Sequence[Row], name: str) -> str:
  """The rows, the cheapest of each sampler first, and how much sooner the best is as good as the chain.

  Args:
    rows: of one network.
    name: its config's.
  """
  head = ['sampler', 'settings', 'evaluations', 'seconds', 'Fréchet', 'precision', 'recall']
  lines = [table_line(head), table_line(['---', '---', *['---:'] * 5])]
  for each in rows:
    settings = ', '.join(f'{key}={value:g}' for key, value in each['settings'].items())
    numbers = [f'{each["metrics"][key]:.2f}' for key in ('frechet_distance', 'precision', 'recall')]
    cost = [str(each['evaluations']), f'{each["seconds"]:.3f}']
    lines.append(table_line([f'`{each["sampler"]}`', settings, *cost, *numbers]))
  return (
    '# Ways from noise to digits\n\n'
    + '\n'.join(lines)
    + f'\n\n{sooner(rows)}\n\n![Fréchet distance against evaluations](curves.png)\n\n'
    + f'Made by `python -m experiments.samplers`: `{name}`, seed 0, averaged weights, {rows[0]["protocol"]}. '
    '`evaluations` of the network for one sample are the cost; `seconds` are those of 64 samples at a time, the '
    f'median of five, once the program is compiled. {", ".join(f"{k} {v}" for k, v in rows[0]["versions"].items())}.\n'
  )


def sooner(rows: Sequence[Row]) -> str:
  """How much less the cheapest row takes that is at least as near to the data as the best chain of Langevin steps."""
  chains = [each for each in rows if each['sampler'] == _CHAIN]
  if not chains:
    return f'No row of `{_CHAIN}` to compare with.'
  chain = min(chains, key=_distance)
  best = min((each for each in rows if _distance(each) <= _distance(chain)), key=lambda each: each['seconds'])
  return (
    f'`{_CHAIN}` comes to {_distance(chain):.2f} in {chain["seconds"]:.3f} seconds and {chain["evaluations"]} '
    f'evaluations. The cheapest that is as near, `{best["sampler"]}` in {best["evaluations"]} evaluations, comes to '
    f'{_distance(best):.2f} in {best["seconds"]:.3f} seconds: {best["seconds"] / chain["seconds"]:.2f} of the time.'
  )


def curves(rows: Sequence[Row], path: Path) -> None:
  """Draws the Fréchet distance against the evaluations and against the seconds, both axes logarithmic: of each sampler
  the frontier, what nothing cheaper of its own comes near to, as a line, and all its rows as points."""
  from matplotlib.figure import Figure

  figure = Figure(figsize=(11, 4.8), layout='constrained')
  panels = figure.subplots(1, 2, sharey=True)
  costs = (
    ('evaluations', 'evaluations of the network for one sample'),
    ('seconds', 'seconds for 64 samples'),
  )
  for panel, (cost, label) in zip(panels, costs, strict=True):
    for index, name in enumerate(dict.fromkeys(each['sampler'] for each in rows)):
      own = sorted((each for each in rows if each['sampler'] == name), key=lambda each: each[cost])
      colour, marker = _COLOURS[index % len(_COLOURS)], _MARKERS[index % len(_MARKERS)]
      panel.scatter([each[cost] for each in own], [*map(_distance, own)], s=22, color=colour, marker=marker)
      line = frontier(own)
      panel.plot(
        [each[cost] for each in line], [*map(_distance, line)], color=colour, marker=marker, ms=5, label=name
      )
    panel.set(xscale='log', yscale='log', xlabel=label)
    panel.grid(alpha=0.25, which='both')
  panels[0].set_ylabel('Fréchet distance to the training digits')
  panels[1].legend(fontsize=8, frameon=False, loc='upper left', bbox_to_anchor=(1, 1))
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def frontier(rows: Sequence[Row]) -> list[Row]:
  """Of rows that become dearer, those that are nearer to the data than all before."""
  kept: list[Row] = []
  for each in rows:
    if not kept or _distance(each) < _distance(kept[-1]):
      kept.append(each)
  return kept


def _distance(row: Row) -> float:
  return row['metrics']['frechet_distance']
