"""Tokens as text: lines on a picture for the wall, and a file that one can read."""

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen import files
from jaxgen.errors import printable

_WIDTH, _MOST_LINES = 84, 6  # letters a line, lines an example
_LINE, _GAP = 17, 9  # pixels


def as_numbers(tokens: np.ndarray) -> str:
  """Tokens of no text, codes of a codebook say: '12 0 7'."""
  return ' '.join(map(str, np.asarray(tokens).tolist()))


class Speller:
  """Spells a text while its tokens come, one after the other.

  Where a character may take several tokens, one of which only some bytes have come waits for the others.
  """

  def __init__(self, decode: Callable[[np.ndarray], str] | None, in_parts: bool = False):
    """`decode` is `i[T] -> str`, by the vocabulary; None: tokens are numbers. `in_parts`: see above."""
    self._decode, self._in_parts = decode or as_numbers, in_parts
    self._before: list[int] = []  # those spelt last
    self._waiting: list[int] = []

  def add(self, token: int) -> str:
    """What the token adds to the text."""
    self._waiting.append(token)
    added = self.rest()
    if self._in_parts and added.endswith('\N{REPLACEMENT CHARACTER}'):
      return ''
    self._before, self._waiting = self._waiting, []
    return added

  def rest(self) -> str:
    """What waits, as it is spelt where no token follows."""
    before = self._decode(np.array(self._before, int))  # between numbers there is something
    return self._decode(np.array(self._before + self._waiting, int))[len(before) :]


def spelt(
  tokens: np.ndarray, decode: Callable[[np.ndarray], str] | None, in_parts: bool = False
) -> list[str]:
  """What each of the tokens i[T] adds to their text, see `Speller`; the last adds all that waits."""
  speller = Speller(decode, in_parts)
  pieces = [speller.add(int(token)) for token in tokens]
  return [*pieces[:-1], pieces[-1] + speller.rest()]


def page(texts: Sequence[str]) -> np.ndarray:
  """Texts one beneath the other, each in at most six lines; uint8[height, width, 3]."""
  blocks = [_lines(text) for text in texts]
  font = ImageFont.load_default(13)
  height = sum(len(lines) * _LINE + _GAP for lines in blocks) + _GAP
  canvas = Image.new('RGB', (_WIDTH * 9 + 2 * _GAP, height), 'white')
  draw, top = ImageDraw.Draw(canvas), _GAP
  for index, lines in enumerate(blocks):
    bottom = top + len(lines) * _LINE + _GAP // 2
    draw.rectangle((_GAP // 2, top, _GAP // 2 + 2, bottom), fill=('#4060c0', '#c08040')[index % 2])
    for line in lines:
      draw.text((2 * _GAP, top), line, fill='black', font=font)
      top += _LINE
    top += _GAP
  return np.asarray(canvas)


def save(texts: Sequence[str], path: Path) -> None:
  """All of them in one file, each under its number, whole."""
  parts = [f'--- {index} ---\n{text}\n' for index, text in enumerate(texts)]
  with files.replacing(path) as part:
    part.write_text('\n'.join(parts), encoding='utf-8')


def texts(
  tokens: np.ndarray, decode: Callable[[np.ndarray], str] | None, end: int | None = None
) -> list[str]:
  """Tokens i[N, *shape] as N texts, each to its `end`: by the vocabulary, `decode` `i[T] -> str`; as numbers where
  there is none. Line feeds at the end of a text are left out."""
  spelt = decode or as_numbers
  return [spelt(to_end(row.reshape(-1), end)).rstrip('\n') for row in np.asarray(tokens)]


def to_end(tokens: np.ndarray, end: int | None) -> np.ndarray:
  """Tokens i[T] to the first that is the end, itself among them; all where none is."""
  if end is None or not (tokens == end).any():
    return tokens
  return tokens[: np.argmax(tokens == end) + 1]


def _lines(text):
  lines = [part for line in text.split('\n') for part in textwrap.wrap(printable(line), _WIDTH) or ['']]
  return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + ' ...']
