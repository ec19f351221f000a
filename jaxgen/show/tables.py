"""Rows of a table: cells on a picture for the wall, and a file that other programs read."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen import files

_WIDEST, _MOST_COLUMNS, _MOST_ROWS = 14, 16, 100  # letters of a cell, columns and rows that are drawn
_LINE, _GAP = 17, 9  # pixels

Cells = Sequence[Sequence[str]]  # the names of the columns, then row by row


def as_numbers(x: np.ndarray) -> list[list[str]]:
  """Rows f32[N, D] of columns that have no names, as they are."""
  names = [f'column {place + 1}' for place in range(x.shape[1])]
  return [names, *(['' if np.isnan(value) else f'{value:.6g}' for value in row] for row in x.tolist())]


def page(cells: Cells, group: int | None = None) -> np.ndarray:
  """Rows beneath the names of their columns, a line after every `group` of them; uint8[height, width, 3].

  Of long names and words the beginning is drawn, of wide and long tables the first 16 columns and 100 rows.
  """
  rows = [[_short(cell) for cell in row[:_MOST_COLUMNS]] for row in cells[: _MOST_ROWS + 1]]
  font = ImageFont.load_default(13)
  widths = [
    max(int(font.getlength(cell)) for cell in column) + 2 * _GAP for column in zip(*rows, strict=True)
  ]
  lefts = np.cumsum([_GAP, *widths])
  ends = range(0, len(rows), group or len(rows))
  canvas = Image.new('RGB', (int(lefts[-1]), len(rows) * _LINE + (len(ends) + 2) * _GAP), 'white')
  draw, top = ImageDraw.Draw(canvas), _GAP
  for index, row in enumerate(rows):
    for left, cell in zip(lefts[:-1], row, strict=True):
      draw.text((int(left), top), cell, fill='black' if index else '#4060c0', font=font)
    top += _LINE
    if index in ends:
      draw.line((_GAP, top + _GAP // 2, canvas.width - _GAP, top + _GAP // 2), fill='#a0a0a0')
      top += _GAP
  return np.asarray(canvas)


def save(cells: Cells, path: Path) -> None:
  """All of them as comma-separated values in UTF-8, whole."""
  with files.replacing(path) as part, open(part, 'w', encoding='utf-8', newline='') as file:
    csv.writer(file, lineterminator='\n').writerows(cells)


def _short(cell):
  return cell if len(cell) <= _WIDEST else f'{cell[: _WIDEST - 2]}..'
