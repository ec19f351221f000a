"""From image files and arrays to pixels of one size."""

import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from jaxgen.errors import UserError

# Pillow's Lanczos filter widens with the reduction, so small images are free of aliasing.
_FILTER = Image.Resampling.LANCZOS
# Others that Pillow knows are seldom meant, and some run programs.
_FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF')
_MOST_PIXELS = 2**26  # that an image may claim to have; decoded, it takes four bytes for each
# What one may give in place of images that are too large for memory as arrays.
FEWER_OR_FOLDER = (
  'fewer or smaller ones, or a folder of images (--config.data.name=folder:<path>), which is read as it goes'
)
_MOST_RESIZED = 2**32  # bytes of a set that is resized as a whole, in memory
# EXIF tag 274 and its values for an image that lies on its side
_ORIENTATION, _SIDEWAYS = 274, (5, 6, 7, 8)


class NoImages(UserError):
  """A size of images was asked of data that hold none."""


def check_none_resized(image_size: int, name: str) -> None:
  """For data that hold no images.

  Raises:
    NoImages: if `config.image_size` is set all the same.
  """
  if image_size:
    raise NoImages(f'--config.data.image_size is for images, but {name} holds none; set it to 0.')


def resize_all(pixels: np.ndarray, image_size: int, levels: int = 256) -> np.ndarray:
  """Crops and resizes images in memory.

  Args:
    pixels: `uint8[N, H, W, C]`, C in (1, 3).
    image_size: the pixels of a side; 0: as they are.
    levels: the filter overshoots at edges, so the result is clipped to `[0, levels)`.

  Returns:
    `uint8[N, image_size, image_size, C]`

  Raises:
    UserError: if that is more than 4 GiB.
  """
  if not image_size or pixels.shape[1:3] == (image_size, image_size):
    return pixels
  what = f'{len(pixels):,} images of {image_size}x{image_size} (config.data.image_size)'
  check_memory(what, len(pixels) * image_size**2 * pixels.shape[3], _MOST_RESIZED, FEWER_OR_FOLDER)
  resized = np.empty((len(pixels), image_size, image_size, pixels.shape[3]), np.uint8)
  for place, image in enumerate(pixels):
    image = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    resized[place] = to_array(fit(image, image_size))
  return np.minimum(resized, levels - 1)


def check_memory(
  what: str, needed: int, most: int | None = None, instead: str = 'fewer or smaller ones'
) -> None:
  """Raises a `UserError` if `needed` bytes for `what` are more than `most`, by default the memory of this machine.

  The sentence says what to give `instead`.
  """
  most = most or os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  if needed > most:
    raise UserError(
      f'{what} would take {needed / 2**30:,.1f} GiB in memory, and at most {most / 2**30:,.1f} are taken; give '
      f'{instead}.'
    )


class UnreadableImages(UserError):
  """Some images cannot be read.

  Attributes:
    names: which ones, in words.
  """

  def __init__(self, names: Sequence[str]):
    self.names = list(names)
    more = f' (nor can {len(names) - 1} more)' if len(names) > 1 else ''
    super().__init__(f'{names[0]} cannot be read as an image{more}; remove or replace what is damaged.')


def decode_all(
  files: Sequence[bytes | str], names: Sequence[str], channels: int, image_size: int
) -> np.ndarray:
  """Image files as pixels, turned upright as their EXIF says, cropped and resized.

  Args:
    files: the bytes or the path of each, N of them.
    names: what a message calls each.
    channels: 1 (grey) or 3 (colour; transparent images are laid on white).
    image_size: the pixels of a side; 0: as they are, and then all of one size.

  Returns:
    `uint8[N, H, W, channels]`

  Raises:
    UnreadableImages: if some cannot be decoded.
    UserError: if one claims too many pixels.
  """
  decoded, unreadable = [], []
  for file, name in zip(files, names, strict=True):
    try:
      decoded.append(_decode(file, name, channels, image_size))
    except UserError:
      raise
    except Exception:  # Pillow's many decoders raise almost anything on a damaged file
      unreadable.append(name)
  if unreadable:
    raise UnreadableImages(unreadable)
  return np.stack(decoded)


def _decode(file, name, channels, image_size):
  with _open(io.BytesIO(file) if isinstance(file, bytes) else file, name) as image:
    # a JPEG can be decoded at a fraction of its size: twice what is wanted leaves the filter its work
    if image_size:
      image.draft(None, (2 * image_size, 2 * image_size))
    image = _opaque(ImageOps.exif_transpose(image)).convert('L' if channels == 1 else 'RGB')
    return to_array(fit(image, image_size))


def header(path: str) -> tuple[tuple[int, int], bool] | None:
  """`(height, width)` of an image as it stands upright, and whether it is grey; None if it is no image.

  Raises:
    UserError: if it claims too many pixels.
  """
  try:
    with _open(path, path) as image:
      width, height = image.size
      if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
        width, height = height, width
      return (height, width), image.mode in ('1', 'L', 'LA', 'F') or image.mode.startswith('I')
  except UserError:
    raise
  except Exception:  # as in decode_all
    return None


def _open(file, name):
  """The image, of which no more than the header is read, so that its size is known before memory is asked for."""
  try:
    image = Image.open(file, formats=_FORMATS)
  except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow looks at it too
    image = None
  if image is None or image.width * image.height > _MOST_PIXELS:
    raise UserError(f'{name} has more than {_MOST_PIXELS:,} pixels; make it smaller.')
  return image


def fit(image: Image.Image, image_size: int) -> Image.Image:
  """The largest square in the middle, resized to `image_size` pixels a side; 0: the image as it is."""
  if not image_size or image.size == (image_size, image_size):
    return image
  return ImageOps.fit(image, (image_size, image_size), method=_FILTER, bleed=0, centering=(0.5, 0.5))


def to_array(image: Image.Image) -> np.ndarray:
  """`uint8[H, W, C]` of a grey or colour image."""
  array = np.asarray(image)
  return array[..., None] if array.ndim == 2 else array


def _opaque(image):
  """Lays a transparent image on white, as a viewer would, and brings 16 bits down to 8."""
  if image.mode.startswith('I'):
    return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
  if image.has_transparency_data:
    image = image.convert('RGBA')
    white = Image.new('RGBA', image.size, 'white')
    return Image.alpha_composite(white, image)
  return image
