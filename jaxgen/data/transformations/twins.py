"""Twins of images: what they become by a transformation that is known, so that a translation back has a truth."""

from collections.abc import Sequence

import numpy as np

from jaxgen.data.joined import Joined
from jaxgen.data.source import Arrays, Source
from jaxgen.errors import UserError
from jaxgen.types import Field


def _inverted(x, levels):
  return levels - 1 - x


def _rotated(x, levels):
  """A quarter turn counter-clockwise."""
  del levels
  return np.rot90(x, axes=(1, 2))


def _downsampled(x, levels):
  """Means of 2x2 pixels, rounded; an odd last row or column is left out."""
  del levels
  num, height, width, channels = x.shape
  x = x[:, : height // 2 * 2, : width // 2 * 2].astype(np.float32)
  means = x.reshape(num, height // 2, 2, width // 2, 2, channels).mean((2, 4))
  return np.rint(means).astype(np.uint8)


TWINS = {'inverted': _inverted, 'rotated': _rotated, 'downsampled': _downsampled}


def transformed(x: np.ndarray, names: Sequence[str], levels: int) -> np.ndarray:
  """The twins of images: these transformations, one after the other.

  Args:
    x: uint8[N, H, W, C] in [0, levels).
    names: of `TWINS`.
    levels: the number of values a pixel takes.

  Returns:
    uint8[N, H', W', C]
  """
  for name in names:
    x = TWINS[name](x, levels)
  return np.ascontiguousarray(x)


def beside(source: Source, names: Sequence[str], paired: bool) -> Source:
  """A source of images with the field y, the twins of its x.

  Unpaired, a training step has images and the twins of others; examples at one place are pairs all the same, so that a
  translation that was learned without pairs can be held against the truth.

  Raises:
    UserError: if the source holds no images, has a field y already, or there is nothing left of a twin.
  """
  field = source.spec['x']
  if field.kind != 'image' or 'y' in source.spec:
    what = 'has a field y already' if 'y' in source.spec else f'holds {field.kind} data'
    raise UserError(
      f'--config.data.twin is of images that have none, but {source.name} {what}; leave it away.'
    )
  shape = transformed(np.zeros((1, *field.shape), np.uint8), names, field.levels).shape[1:]
  if 0 in shape:
    raise UserError(
      f'{"x".join(map(str, field.shape))} pixels cannot be downsampled so often; leave some away.'
    )

  def read(indices) -> Arrays:
    return {'x': transformed(source.examples(indices)['x'], names, field.levels)}

  title = f'{" and ".join(names)} twins'
  twins = Source(f'{title} of {source.name}', {'x': Field('image', shape, field.levels)}, len(source), read)
  return Joined(f'{source.name} and their {title}', source, twins, paired)
