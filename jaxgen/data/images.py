"""From image files and arrays to pixels of one size."""

import io

import numpy as np
from PIL import Image, ImageOps

# Pillow's Lanczos filter widens with the reduction, so small images are free of aliasing.
_FILTER = Image.Resampling.LANCZOS
# EXIF tag 274 and its values for an image that lies on its side
_ORIENTATION, _SIDEWAYS = 274, (5, 6, 7, 8)


def resize_all(pixels: np.ndarray, image_size: int, levels: int = 256) -> np.ndarray:
  """Crops and resizes images in memory.

  Args:
    pixels: `uint8[N, H, W, C]`, C in (1, 3).
    image_size: the pixels of a side; 0: as they are.
    levels: the filter overshoots at edges, so the result is clipped to `[0, levels)`.

  Returns:
    `uint8[N, image_size, image_size, C]`
  """
  if not image_size or pixels.shape[1:3] == (image_size, image_size):
    return pixels
  resized = np.empty((len(pixels), image_size, image_size, pixels.shape[3]), np.uint8)
  for place, image in enumerate(pixels):
    image = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    resized[place] = to_array(fit(image, image_size))
  return np.minimum(resized, levels - 1)


def decode(data: bytes | str, channels: int, image_size: int) -> np.ndarray:
  """One image file as pixels, turned upright as its EXIF says, cropped and resized.

  Args:
    data: the file's bytes, or its path.
    channels: 1 (grey) or 3 (colour).
    image_size: the pixels of a side; 0: as it is.

  Returns:
    `uint8[H, W, channels]`

  Raises:
    OSError, ValueError, SyntaxError, Image.DecompressionBombError: whatever Pillow says of a bad file.
  """
  with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data) as image:
    image = _opaque(ImageOps.exif_transpose(image)).convert('L' if channels == 1 else 'RGB')
    return to_array(fit(image, image_size))


def header(path: str) -> tuple[tuple[int, int], bool]:
  """`(height, width)` of an image as it stands upright, and whether it is grey; reads the header only."""
  with Image.open(path) as image:
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
      width, height = height, width
    return (height, width), image.mode in ('1', 'L', 'LA', 'F') or image.mode.startswith('I')


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
