"""What a person looks at: sample grids, reconstructions, GIFs, scatter plots and loss curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen import files
from jaxgen.types import DataSpec

_SMALLEST_TILE = 40  # pixels a side; smaller images are magnified by a whole number so that they can be seen


def picture(
  x: np.ndarray, spec: DataSpec, columns: int | None = None, limits: float | None = None
) -> np.ndarray:
  """Draws examples as a person would want to see them.

  Args:
    x: images, uint8[N, H, W, C], become a grid; vectors, f32[N, D], a scatter plot of their first two coordinates.
    spec: of the data set that `x` is like.
    columns: of the grid; by default as many as rows.
    limits: a scatter plot shows `[-limits, limits]` squared.

  Returns:
    uint8[height, width, 3].
  """
  x = np.asarray(x)
  return grid(x, spec.levels, columns) if len(spec.shape) == 3 else scatter(x, limits)


def grid(x: np.ndarray, levels: int = 256, columns: int | None = None, gap: int = 2) -> np.ndarray:
  """Images, uint8[N, H, W, C] in `[0, levels)`, side by side; uint8[height, width, 3]."""
  count, height, width, channels = x.shape
  columns = columns or int(np.ceil(np.sqrt(count)))
  rows = -(-count // columns)
  scale = max(1, -(-_SMALLEST_TILE // height))
  tiles = np.rint(x.astype(np.float32) * (255 / (levels - 1))).astype(np.uint8)
  tiles = tiles.repeat(scale, 1).repeat(scale, 2)
  if channels == 1:
    tiles = tiles.repeat(3, 3)
  high, wide = height * scale + gap, width * scale + gap
  canvas = np.full((rows * high + gap, columns * wide + gap, 3), 255, np.uint8)
  for index, tile in enumerate(tiles):
    top, left = gap + index // columns * high, gap + index % columns * wide
    canvas[top : top + high - gap, left : left + wide - gap] = tile
  return canvas


def titled_row(images: Sequence[np.ndarray], titles: Sequence[str], gap: int = 14) -> np.ndarray:
  """Pictures of one size, uint8[H, W, 3], side by side, each beneath its title; uint8[height, width, 3]."""
  (height, width), head = images[0].shape[:2], 26
  canvas = Image.new('RGB', (len(images) * (width + gap) - gap, height + head), 'white')
  draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(17)
  for index, (title, image) in enumerate(zip(titles, images, strict=True)):
    draw.text((index * (width + gap), 2), title, fill='black', font=font)
    canvas.paste(Image.fromarray(image), (index * (width + gap), head))
  return np.asarray(canvas)


def scatter(x: np.ndarray, limits: float | None = None, size: int = 480) -> np.ndarray:
  """Points, f32[N, D], by their first two coordinates (where D is 1, on a line); uint8[size, size, 3]."""
  x = np.pad(x, [(0, 0), (0, max(0, 2 - x.shape[1]))])
  limits = limits or float(np.abs(x).max()) * 1.05 or 1.0
  counts, _, _ = np.histogram2d(-x[:, 1], x[:, 0], bins=size // 3, range=[[-limits, limits]] * 2)
  shade = (
    1
    - np.clip(counts / max(1.0, np.quantile(counts[counts > 0], 0.95) if counts.any() else 1.0), 0, 1) ** 0.5
  )
  red_green = np.rint(255 * shade).astype(np.uint8).repeat(3, 0).repeat(3, 1)
  blue = np.rint(255 - 60 * (1 - shade)).astype(np.uint8).repeat(3, 0).repeat(3, 1)
  return np.stack([red_green, red_green, blue], -1)


def save_png(image: np.ndarray, path: Path) -> None:
  """Writes uint8[height, width, 3], whole or not at all."""
  with files.replacing(path) as part:
    Image.fromarray(image).save(part, format='PNG')


def save_gif(frames: Sequence[np.ndarray], path: Path, seconds: float = 6.0) -> None:
  """Writes frames, uint8[height, width, 3], as a GIF of about `seconds` that rests on its last frame."""
  images = [Image.fromarray(frame).convert('P', palette=Image.Palette.ADAPTIVE) for frame in frames]
  each = int(np.clip(1000 * seconds / len(images), 40, 500))
  durations = [each] * (len(images) - 1) + [1500]
  with files.replacing(path) as part:
    images[0].save(part, format='GIF', save_all=True, append_images=images[1:], duration=durations, loop=0)


def gif_of_pngs(pattern: str, folder: Path, path: Path) -> None:
  """Strings `<folder>/<pattern>` together, in the order of their names, into a GIF."""
  frames = [np.asarray(Image.open(file).convert('RGB')) for file in sorted(Path(folder).glob(pattern))]
  frames = [frame for frame in frames if frame.shape == frames[-1].shape]
  if frames:
    save_gif(frames, path)


def curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
  """Draws every metric of `metrics.jsonl` against the step: one panel per metric, one line per split and weights."""
  from matplotlib.figure import Figure

  series = _series(rows)
  if not series:
    return
  columns = min(3, len(series))
  height = -(-len(series) // columns)
  figure = Figure(figsize=(4.4 * columns, 2.9 * height), layout='constrained')
  panels = figure.subplots(height, columns, squeeze=False).ravel()
  for panel, (name, lines) in zip(panels, series.items(), strict=False):
    for label, points in sorted(lines.items()):
      panel.plot(
        *zip(*points, strict=True), label=label, linewidth=1.2, marker='.' if len(points) < 20 else None
      )
    panel.set_title(name.replace('_', ' '), fontsize=10)
    panel.set_xlabel('step', fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.25)
    panel.legend(fontsize=7, frameon=False)
  for panel in panels[len(series) :]:
    panel.set_visible(False)
  with files.replacing(path) as part:
    figure.savefig(part, format='png', dpi=110)


def _series(rows):
  series = {}
  for row in rows:
    label = ' '.join(str(row[key]) for key in ('split', 'weights') if key in row)
    for name, value in row.items():
      if name not in ('step', 'seconds') and isinstance(value, (int, float)):
        series.setdefault(name, {}).setdefault(label, []).append((row['step'], value))
  # The loss first, the machinery last.
  order = {'loss': 0, 'bits_per_dim': 1}
  return dict(
    sorted(
      series.items(), key=lambda item: (order.get(item[0], 2 if 'second' not in item[0] else 3), item[0])
    )
  )
