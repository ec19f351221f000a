"""Loss curves: every metric of a run against its steps."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import files


def curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
  """Draws every metric of `metrics.jsonl` against the step: one panel per metric, one line per split and weights, of a
  list one for each of its numbers."""
  from matplotlib.figure import Figure

  series = _series(rows)
  if not series:
    return
  columns = min(3, len(series))
  height = -(-len(series) // columns)
  figure = Figure(figsize=(4.4 * columns, 2.9 * height))
  panels = figure.subplots(height, columns, squeeze=False, gridspec_kw=_margins(columns, height)).ravel()
  for panel, (name, lines) in zip(panels, series.items(), strict=False):
    for label, points in sorted(lines.items()):
      marker = '.' if len(points) < 20 else None
      drawn = panel.plot(*zip(*points, strict=True), linewidth=1.2, marker=marker)
      drawn[0].set_label(label)
    panel.set_title(name.replace('_', ' '), fontsize=10)
    panel.set_xlabel('step', fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.25)
    panel.legend(fontsize=7, frameon=False)
  for panel in panels[len(series) :]:
    panel.set_visible(False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def _margins(columns, rows):
  """Room for titles and labels between and around panels of 4.4 by 2.9 inches; to have matplotlib measure all texts for
  it ('constrained') takes longer than all the drawing."""
  left, right, bottom, top = 0.6, 0.12, 0.48, 0.32  # inches of each panel
  width, height = 4.4 * columns, 2.9 * rows
  return {
    'left': left / width,
    'right': 1 - right / width,
    'bottom': bottom / height,
    'top': 1 - top / height,
    'wspace': (left + right) / (4.4 - left - right),
    'hspace': (bottom + top) / (2.9 - bottom - top),
  }


def relation(
  panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
  labels: tuple[str, str],
  path: Path,
  title: str = '',
) -> None:
  """Draws shares against others, all from 0 to 1, over the diagonal of chance.

  Args:
    panels: `{title: {name of a curve: (x, y)}}`, side by side.
    labels: of the axes.
    path: of the picture.
    title: above all panels.
  """
  from matplotlib.figure import Figure

  figure = Figure(figsize=(4.4 * len(panels), 4.4 + 0.4 * bool(title)), layout='constrained')
  figure.suptitle(title, fontsize=10)
  for panel, (name, curves) in zip(
    figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
  ):
    panel.plot([0, 1], [0, 1], color='0.8', linewidth=1)
    for label, (x, y) in curves.items():
      panel.plot(x, y, linewidth=1.6, label=label)
    panel.set_title(name, fontsize=10)
    panel.set_xlabel(labels[0])
    panel.set_ylabel(labels[1])
    panel.set_aspect('equal')
    panel.grid(alpha=0.25)
    if any(curves):
      panel.legend(fontsize=7, frameon=False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def _series(rows):
  series = {}
  for row in rows:
    label = ' '.join(str(row[key]) for key in ('split', 'weights') if key in row)
    for name, value in row.items():
      if name not in ('step', 'seconds') and isinstance(value, (int, float, list)):
        series.setdefault(name, {}).setdefault(label, []).append((row['step'], value))
  # The loss first, the machinery last.
  order = {'loss': 0, 'bits_per_dim': 1}
  place = lambda name: (order.get(name, 2 if 'second' not in name else 3), _counted(name))  # noqa: E731
  return dict(sorted(series.items(), key=lambda item: place(item[0])))


def _counted(name):
  """A name with its numbers as such: `loss_sigma_9.49` comes before `loss_sigma_157`."""
  parts = re.split(r'(\d+(?:\.\d+)?(?:e[+-]?\d+)?)', name)
  return [float(part) if index % 2 else part for index, part in enumerate(parts)]
