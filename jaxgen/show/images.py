"""Images as a person looks at them: grids, and rows of pictures beneath their titles."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP = 2  # pixels around a tile
_SMALLEST_TILE = 40  # pixels a side; smaller images are magnified by a whole number so that they can be seen


def grid(x: np.ndarray, levels: int = 256, columns: int | None = None, gap: int = _GAP) -> np.ndarray:
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


def stacked(images: Sequence[np.ndarray], overlap: int = _GAP) -> np.ndarray:
  """Pictures, uint8[H, W, 3], beneath each other, the margin of one on that of the next; uint8[height, width, 3]."""
  width = max(image.shape[1] for image in images)
  height = sum(image.shape[0] - overlap for image in images) + overlap
  canvas, top = np.full((height, width, 3), 255, np.uint8), 0
  for image in images:
    canvas[top : top + image.shape[0], : image.shape[1]] = image
    top += image.shape[0] - overlap
  return canvas


def titled_rows(image: np.ndarray, titles: Sequence[str]) -> np.ndarray:
  """A picture, uint8[H, W, 3], of as many rows of one height as titles, each to the right of its title."""
  if not titles:
    return image
  font, height = ImageFont.load_default(13), len(image)
  margin = math.ceil(max(font.getlength(title) for title in titles)) + 12
  canvas = Image.new('RGB', (margin + image.shape[1], height), 'white')
  canvas.paste(Image.fromarray(image), (margin, 0))
  draw = ImageDraw.Draw(canvas)
  for index, title in enumerate(titles):
    middle = (index + 0.5) * height / len(titles)
    draw.text((margin - 6, middle), title, fill='black', font=font, anchor='rm')
  return np.asarray(canvas)


def titled_row(images: Sequence[np.ndarray], titles: Sequence[str], gap: int = 14) -> np.ndarray:
  """Pictures, uint8[H, W, 3], side by side, each beneath its title; uint8[height, width, 3]."""
  head, height = 26, max(image.shape[0] for image in images)
  width = sum(image.shape[1] + gap for image in images) - gap
  canvas = Image.new('RGB', (width, height + head), 'white')
  draw, font, left = ImageDraw.Draw(canvas), ImageFont.load_default(17), 0
  for title, image in zip(titles, images, strict=True):
    draw.text((left, 2), title, fill='black', font=font)
    canvas.paste(Image.fromarray(image), (left, head))
    left += image.shape[1] + gap
  return np.asarray(canvas)
