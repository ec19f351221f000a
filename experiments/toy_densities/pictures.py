"""The densities of all flows beneath the truth: one column for each density, one row for each flow."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.toy_densities.protocol import GRID, Points
from jaxgen import files


def wall(columns: Sequence[Points], rows: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
  """Draws it.

  Args:
    columns: the densities, of the plane.
    rows: `{flow: {density: f64[GRID * GRID]}}`, log-densities; a cell without one stays empty.
    path: of the picture. In a column all have one colour scale, from 0 to the largest density of the truth, so that
      what is brighter or darker is more or less dense.
  """
  from matplotlib.figure import Figure

  truth = {points.name: np.asarray(points.density.log_prob(points.grid), np.float64) for points in columns}
  rows = {'truth': truth, **rows}
  figure = Figure(figsize=(1.7 * len(columns) + 1, 1.7 * len(rows)), layout='constrained')
  panels = figure.subplots(len(rows), len(columns), squeeze=False)
  for line, (flow, found) in zip(panels, rows.items(), strict=True):
    line[0].set_ylabel(flow, fontsize=8)
    for panel, points in zip(line, columns, strict=True):
      panel.set(xticks=[], yticks=[])
      if flow == 'truth':
        panel.set_title(points.name.partition(':')[2].replace('_', ' '), fontsize=8)
      if points.name in found:
        brightest = np.exp(truth[points.name].max())
        density = np.exp(found[points.name]).reshape(GRID, GRID)
        panel.imshow(density, vmin=0, vmax=brightest, cmap='inferno', interpolation='nearest')
      else:
        panel.set_frame_on(False)
  drawn = io.BytesIO()
  figure.savefig(drawn, format='png', dpi=110)
  with files.replacing(path) as part, Image.open(drawn) as picture:
    picture.convert('RGB').quantize(256).save(part, format='png', optimize=True)  # a quarter of the size
