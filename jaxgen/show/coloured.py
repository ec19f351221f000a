"""Text of which every token has a colour: how surprising it was, as a page for a browser."""

import html
import math
from pathlib import Path

import numpy as np

from jaxgen import files
from jaxgen.show.kinds import About
from jaxgen.show.text import spelt, to_end

_MOST = 10  # bits, of the deepest colour

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.6 ui-monospace, monospace; max-width: 60em; margin: 2em auto; padding: 0 1em;
  color: #222; background: #fff }}
p {{ white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #ccc; padding-left: 1em }}
span {{ border-radius: 2px }}
</style>
<h1>{title}</h1>
<p>{legend}</p>
{texts}
</html>
"""


def save(
  tokens: np.ndarray,
  log_mass: np.ndarray,
  about: About,
  title: str,
  path: Path,
) -> None:
  """Writes a page that shows each of N texts, whose tokens say their log-probability when they are pointed at.

  Args:
    tokens: i[N, T].
    log_mass: f32[N, T], nats, of each token given those before it; what follows an end is not looked at.
    about: how they are spelt; without a vocabulary as numbers.
    title: of the page.
    path: of the file.
  """
  bits = np.asarray(log_mass, np.float64) / -math.log(2) + 0.0  # and no -0.00
  texts = [_text(row, row_bits, about) for row, row_bits in zip(tokens, bits, strict=True)]
  steps = ' '.join(_span(f' {number} ', number) for number in range(0, _MOST + 1, 2))
  legend = f'bits of surprise, of the model without any knobs:{steps}and more'
  with files.replacing(path) as part:
    page = _PAGE.format(title=html.escape(title), legend=legend, texts='\n'.join(texts))
    part.write_text(page, encoding='utf-8')


def _text(tokens: np.ndarray, bits: np.ndarray, about: About) -> str:
  pieces = spelt(to_end(tokens, about.end), about.decode, about.in_parts)
  spans = [_span(piece, number) for piece, number in zip(pieces, bits[: len(pieces)], strict=True)]
  return f'<p>{"".join(spans)}</p>'


def _span(text: str, bits: float) -> str:
  depth = min(max(bits, 0.0) / _MOST, 1.0)
  return (
    f'<span style="background:rgba(226,88,34,{depth:.2f})" title="{bits:.2f} bits">{html.escape(text)}</span>'
  )
