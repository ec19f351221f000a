"""Samples of all recipes side by side, and Fréchet distances on the way."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.biggan_vs_vae.recipes import FAMILIES, RECIPES, folder
from jaxgen import files, show
from jaxgen.show.images import stacked

TILES = 25  # of a run
_SIDE = 40  # pixels of a tile
_COLUMNS = 6  # runs beside each other


def wall(rows: Sequence[Mapping[str, Any]], runs: Path, path: Path) -> None:
  """Draws seed 0 of each recipe, beneath its name, and the data first; runs whose folders are gone are left out."""
  panels: dict[str, np.ndarray] = {}
  for row in _in_order(rows):
    drawn = folder(runs, row) / 'drawn.npz'
    if row['seed'] == 0 and drawn.is_file():
      with np.load(drawn) as found:
        title = ' '.join([row['set'], row['family'], row['recipe'].replace('_', ' ')])
        panels[title.replace('discriminator', 'D').replace('generator', 'G')] = _grid(
          found['x'], int(found['levels'])
        )
  if not panels:
    return
  titles = list(panels)
  lines = [titles[start : start + _COLUMNS] for start in range(0, len(titles), _COLUMNS)]
  picture = stacked([show.titled_row([panels[title] for title in line], line) for line in lines], overlap=-6)
  with files.replacing(path) as part:
    Image.fromarray(picture).quantize(64).save(part, format='png', optimize=True)


def curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
  """Draws the Fréchet distance against the steps: panels of a set beside each other, one for each family, with a line
  for the mean of each recipe."""
  from matplotlib.figure import Figure

  finished = [row for row in _in_order(rows) if 'course' in row]
  sets, families = (list(dict.fromkeys(row[key] for row in finished)) for key in ('set', 'family'))
  places = list(itertools.product(sets, families))
  if not places:
    return
  figure = Figure(figsize=(4.6 * len(families), 3.2 * len(sets)), layout='constrained')
  panels = figure.subplots(len(sets), len(families), squeeze=False).flat
  for panel, place in zip(panels, places, strict=True):
    of_place = [row for row in finished if (row['set'], row['family']) == place]
    for recipe in dict.fromkeys(row['recipe'] for row in of_place):
      courses = [row['course'] for row in of_place if row['recipe'] == recipe]
      mean = np.mean([course['frechet_distance'] for course in courses], axis=0)
      panel.plot(courses[0]['step'], mean, marker='.', linewidth=1.2, label=recipe.replace('_', ' '))
    panel.set_yscale('log')
    panel.set_title(' '.join(place), fontsize=10)
    panel.set_xlabel('step', fontsize=8)
    panel.set_ylabel('Fréchet distance', fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.25)
    panel.legend(fontsize=7, frameon=False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=100)


def _in_order(rows):
  """Set by set, the data first, then each family by its recipes."""
  order = {name: place for place, name in enumerate(['data', *FAMILIES])}
  recipes = {name: place for place, name in enumerate(['', *RECIPES])}
  sets = list(dict.fromkeys(row['set'] for row in rows))
  return sorted(
    rows, key=lambda row: (sets.index(row['set']), order[row['family']], recipes[row['recipe']], row['seed'])
  )


def _grid(x, levels):
  """Images magnified smoothly, since blocks hide what eight pixels show; uint8[height, width, 3]."""
  shades = np.rint(x.astype(np.float32) * (255 / (levels - 1))).astype(np.uint8)
  tiles = [
    Image.fromarray(image.squeeze()).convert('RGB').resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    for image in shades[:TILES]
  ]
  return show.grid(np.stack([np.asarray(tile) for tile in tiles]), gap=1)
