"""Arrows in the plane over the density that they belong to, a panel for each noise level."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

_GROUND = 'YlOrBr'
_DARKEST = 0.6  # of the colours, so that arrows are seen on it
_LONGEST = 1.15  # of an arrow, in distances between arrows
_FULL = 0.9  # the quantile of the lengths that is drawn so long
_INCHES, _DPI = 2.6, 100


class Panel(NamedTuple):
  """A vector field in the plane.

  Attributes:
    title: above it.
    ground: f32[bins, bins], the density at the middles of the cells of a picture, from the top left.
    arrows: f32[side, side, 2], at the middles of the cells of a coarser one, from the top left.
  """

  title: str
  ground: np.ndarray
  arrows: np.ndarray


def arrows(panels: Sequence[Panel], limits: float, columns: int = 3) -> np.ndarray:
  """Panels of `[-limits, limits]^2`, side by side; uint8[height, width, 3].

  A ground is as dark as its density is large beside the panel's largest. Arrows point where the field does; the long
  ones, a tenth, are drawn of one length, and all others shorter, as the square root of what they are.

  Args:
    panels: as many as are to be seen.
    limits: of both axes.
    columns: of panels, at most.
  """
  from matplotlib.backends.backend_agg import FigureCanvasAgg
  from matplotlib.figure import Figure

  columns = min(columns, len(panels))
  rows = -(-len(panels) // columns)
  figure = Figure(figsize=(_INCHES * columns, (_INCHES + 0.3) * rows), dpi=_DPI, layout='constrained')
  FigureCanvasAgg(figure)
  axes = figure.subplots(rows, columns, squeeze=False).ravel()
  for axis, panel in zip(axes, panels, strict=False):
    _draw(axis, panel, limits)
  for axis in axes[len(panels) :]:
    axis.set_visible(False)
  drawn = io.BytesIO()
  figure.savefig(drawn, format='png')
  with Image.open(drawn) as picture:
    return np.asarray(picture.convert('RGB'))


def places(limits: float, side: int) -> np.ndarray:
  """The middles of the cells of a picture of `[-limits, limits]^2`, from the top left; f32[side, side, 2]."""
  middles = ((np.arange(side) + 0.5) / side * 2 - 1) * limits
  return np.stack(np.meshgrid(middles, middles[::-1]), -1).astype(np.float32)


def _draw(axis, panel, limits):
  axis.set(xticks=[], yticks=[], aspect='equal', xlim=(-limits, limits), ylim=(-limits, limits))
  axis.set_title(panel.title, fontsize=10)
  extent = (-limits, limits, -limits, limits)
  brightness = {'vmin': 0, 'vmax': panel.ground.max() / _DARKEST or 1}
  axis.imshow(panel.ground, cmap=_GROUND, extent=extent, interpolation='bilinear', **brightness)
  side = len(panel.arrows)
  flat, where = panel.arrows.reshape(-1, 2), places(limits, side).reshape(-1, 2)
  lengths = np.linalg.norm(flat, axis=1)
  full = np.quantile(lengths, _FULL)
  shares = np.sqrt(np.minimum(lengths / full, 1) if full else lengths)
  drawn = flat * (shares / np.maximum(lengths, 1e-12) * _LONGEST * 2 * limits / side)[:, None]
  axis.quiver(
    *where.T,
    *drawn.T,
    angles='xy',
    scale_units='xy',
    scale=1,
    pivot='mid',
    color='#1f3b73',
    width=0.005,
    headwidth=3.6,
    headlength=4,
    headaxislength=3.6,
  )
