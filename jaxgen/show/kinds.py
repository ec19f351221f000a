"""How examples are shown, and compared side by side: by the kind of their field, and by nothing else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.show import audio, images, points, saving, tables, text
from jaxgen.types import Field


class About(NamedTuple):
  """What is known of the data beside their fields.

  Attributes:
    limits: a scatter plot shows `[-limits, limits]^2`.
    density: `f32[..., 2] -> f32[...]`, the exact log-density, where it is known.
    decode: `i[T] -> str`, the text of tokens by the vocabulary of the data; None without one.
    in_parts: whether a character may take several tokens.
    end: the token that ends an example of text: what follows it is not shown; None: nothing ends early.
    spell: `f32[N, D] -> cells`, rows of a table in their own units and words beneath the names of the columns; empty
      where there is no number.
    rate: samples a second of sound, Hz.
  """

  limits: float | None = None
  density: Callable[[jax.Array], Any] | None = None
  decode: Callable[[np.ndarray], str] | None = None
  in_parts: bool = False
  end: int | None = None
  spell: Callable[[np.ndarray], Sequence[Sequence[str]]] | None = None
  rate: int = 8000


UNKNOWN = About()
_COLUMNS = 8  # of examples that are compared


class Shown(NamedTuple):
  """How one kind is shown.

  Attributes:
    draw: `(x, field, about, columns) -> uint8[height, width, 3]`, a picture for the wall.
    tiled: whether every example has a place of its own in it, so that examples are compared in neighbouring places;
      otherwise whole pictures stand side by side.
    suffix: of the file by which somebody else reads the examples.
    save: `(x, field, about, path)` writes that file; None where the picture is the file.
  """

  draw: Callable[..., np.ndarray]
  tiled: bool = True
  suffix: str = '.png'
  save: Callable[..., None] | None = None


def picture(
  x: np.ndarray,
  field: Field,
  about: About = UNKNOWN,
  columns: int | None = None,
) -> np.ndarray:
  """Draws examples as a person would want to see them.

  Args:
    x: arrays of the field, [N, *shape].
    field: its kind decides: images become a grid, vectors a scatter plot, tokens lines of text, sounds their
      waveforms above their spectrograms, labels words, masks images in black and white, rows of a table its cells.
    about: what else is known of the data.
    columns: of a grid; by default as many as rows.

  Returns:
    uint8[height, width, 3].

  Raises:
    ValueError: if there is no way to show this kind.
  """
  return _shown(field).draw(np.asarray(x), field, about, columns)


def compared(
  groups: Sequence[np.ndarray | jax.Array],
  field: Field,
  about: About = UNKNOWN,
  titles: Sequence[str] = (),
) -> np.ndarray:
  """Groups of as many examples each, drawn so that the i-th of each can be compared; uint8[height, width, 3].

  Tiles stand beneath each other, eight a row, a row of each group in turn, the last ones as long as there are examples
  left; points are drawn in a picture for each group, side by side. Titles, where there are any, stand to the left of
  every row of tiles, or above every picture.
  """
  arrays = [np.asarray(group) for group in groups]
  if not _shown(field).tiled:
    return images.titled_row([picture(array, field, about) for array in arrays], titles or [''] * len(arrays))
  rows = []
  for start in range(0, len(arrays[0]), _COLUMNS):
    parts = [array[start : start + _COLUMNS] for array in arrays]
    rows.append(images.titled_rows(picture(np.concatenate(parts), field, about, len(parts[0])), titles))
  return images.stacked(rows)


def save(
  x: np.ndarray,
  field: Field,
  stem: Path,
  about: About = UNKNOWN,
  columns: int | None = None,
) -> list[Path]:
  """Writes `<stem>.png`, see `picture`, and beside it a file of kinds that are read otherwise than looked at."""
  path = stem.with_name(f'{stem.name}.png')
  saving.save_png(picture(x, field, about, columns), path)
  shown = _shown(field)
  if shown.save is None:
    return [path]
  other = stem.with_name(stem.name + shown.suffix)
  shown.save(np.asarray(x), field, about, other)
  return [path, other]


def with_gaps(batch: Mapping[str, Any], field: Field) -> np.ndarray:
  """The x of examples [N, *shape], with no number where a continuous field says by its mask that none was observed."""
  x = np.asarray(batch['x'])
  return x if field.levels or 'observed' not in batch else np.where(batch['observed'], x, np.float32(np.nan))


def _shown(field):
  if field.kind not in KINDS:
    raise ValueError(f'there is no way yet to show {field.kind}; there is one for {", ".join(KINDS)}.')
  return KINDS[field.kind]


def _images(x, field, about, columns):
  del about
  if field.levels:
    return images.grid(x, field.levels, columns)
  return images.grid(np.rint(np.clip(x * 127.5 + 127.5, 0, 255)).astype(np.uint8), 256, columns)


def _masks(x, field, about, columns):
  """Masks of vectors are rows of squares, those of images without channels have one."""
  del field, about
  shape = (1, *x.shape[1:], 1) if x.ndim == 2 else (*x.shape[1:], 1) if x.ndim == 3 else x.shape[1:]
  return images.grid(x.reshape(-1, *shape).astype(np.uint8), 2, columns)


def _points(x, field, about, columns):
  del field, columns
  flat = x.shape[1:] == (2,)
  return points.scatter(x, about.limits, about.density if flat else None)


def _text(x, field, about, columns):
  del field, columns
  return text.page(text.texts(x, about.decode, about.end))


def _save_text(x, field, about, path):
  del field
  text.save(text.texts(x, about.decode, about.end), path)


def _table(x, field, about, columns):
  del field
  return tables.page((about.spell or tables.as_numbers)(x), columns)


def _save_table(x, field, about, path):
  del field
  tables.save((about.spell or tables.as_numbers)(x), path)


def _sounds(x, field, about, columns):
  return audio.tiles(audio.loudness(x, field.levels), about.rate, columns)


def _save_sounds(x, field, about, path):
  audio.save(audio.loudness(x, field.levels), about.rate, path, field.levels)


def _words(x, field, about, columns):
  del field, about, columns
  return text.page([f'class {label}' for label in np.asarray(x).reshape(-1)])


KINDS: Mapping[str, Shown] = {
  'image': Shown(_images),
  'vector': Shown(_points, tiled=False),
  'table': Shown(_table, suffix='.csv', save=_save_table),
  'tokens': Shown(_text, suffix='.txt', save=_save_text),
  'audio': Shown(_sounds, suffix='.wav', save=_save_sounds),
  'label': Shown(_words),
  'mask': Shown(_masks),
}
