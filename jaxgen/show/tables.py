"""Rows of a table: cells on a picture for the wall, and a file that other programs read."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen import files

_WIDTH, _LINE, _GAP = (
  88,
  17,
  9,
)  # pixels; all columns are of one width, so that pictures of a table are of one size
_MOST_COLUMNS, _MOST_ROWS = 16, 100  # that are drawn

Cells = Sequence[Sequence[str]]  # the names of the columns, then row by row


def as_numbers(x: np.ndarray) -> list[list[str]]:
  """Rows f32[N, D] of columns that have no names, as they are."""
  names = [f'column {place + 1}' for place in range(x.shape[1])]
  return [names, *(['' if np.isnan(value) else f'{value:.6g}' for value in row] for row in x.tolist())]


def page(cells: Cells, group: int | None = None) -> np.ndarray:
  """Rows beneath the names of their columns, a line after every `group` of them; uint8[height, width, 3].

  Of long names and words the beginning is drawn, of wide and long tables the first 16 columns and 100 rows.
  """
  font = ImageFont.load_default(13)
  rows = [[_short(cell, font) for cell in row[:_MOST_COLUMNS]] for row in cells[: _MOST_ROWS + 1]]
  ends = range(0, len(rows), group or len(rows))
  width = len(rows[0]) * _WIDTH + _GAP
  canvas = Image.new('RGB', (width, len(rows) * _LINE + (len(ends) + 2) * _GAP), 'white')
  draw, top = ImageDraw.Draw(canvas), _GAP
  for index, row in enumerate(rows):
    for place, cell in enumerate(row):
      draw.text((_GAP + place * _WIDTH, top), cell, fill='black' if index else '#4060c0', font=font)
    top += _LINE
    if index in ends:
      draw.line((_GAP, top + _GAP // 2, width - _GAP, top + _GAP // 2), fill='#a0a0a0')
      top += _GAP
  return np.asarray(canvas)


def save(cells: Cells, path: Path) -> None:
  """All of them as comma-separated values in UTF-8, whole."""
  with files.replacing(path) as part, open(part, 'w', encoding='utf-8', newline='') as file:
    csv.writer(file, lineterminator='\n').writerows(cells)


def _short(cell, font):
  """As much of it as there is room for."""
  if font.getlength(cell) <= _WIDTH - _GAP:
    return cell
  while font.getlength(f'{cell}..') > _WIDTH - _GAP:
    cell = cell[:-1]
  return f'{cell}..'
