"""Samples of all recipes: one row for each set, one column for each recipe, the data first."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgen import files
from jaxgen.data.densities.toy import DENSITIES


def wall(drawn: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
  """Draws it.

  Args:
    drawn: `{set: {recipe: f32[N, 2]}}`; a recipe that a set lacks stays empty there.
    path: of the picture.
  """
  from matplotlib.figure import Figure

  recipes = list(dict.fromkeys(recipe for found in drawn.values() for recipe in found))
  figure = Figure(figsize=(1.9 * (len(recipes) + 1), 2.0 * len(drawn)), layout='constrained')
  panels = figure.subplots(len(drawn), len(recipes) + 1, squeeze=False)
  for line, (name, found) in zip(panels, drawn.items(), strict=True):
    density = DENSITIES[name.partition(':')[2]]
    found = {'data': density.sample(0, len(next(iter(found.values())))), **found}
    for panel, title in zip(line, ('data', *recipes), strict=True):
      panel.set_title(title.replace('_', ' '), fontsize=8)
      if title in found:
        panel.scatter(*found[title].T, s=0.5, alpha=0.5, color='black' if title == 'data' else 'tab:blue')
    for panel in line:
      panel.set(
        xticks=[], yticks=[], xlim=(-density.bound, density.bound), ylim=(-density.bound, density.bound)
      )
      panel.set_aspect('equal')
  rendered = io.BytesIO()
  figure.savefig(rendered, format='png', dpi=110)
  with files.replacing(path) as part, Image.open(rendered) as picture:
    picture.convert('RGB').quantize(64).save(part, format='png', optimize=True)
