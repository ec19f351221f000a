"""What a user's own array is as a field: its kind, by its type and shape or by what the file says, and its levels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.types import Field

# A class is a column of a one-hot vector in every conditional model, a token of a vocabulary a row of a table.
_MOST_LEVELS = 65_536
# Beyond, the squares and products of a network are no longer what float32 holds.
_LARGEST = 1e6
_KINDS = ('image', 'vector', 'tokens', 'audio', 'label', 'mask')


def field_of(
  name: str, arrays: Mapping[str, np.ndarray], kind: str, levels: np.ndarray | None, path: Any
) -> tuple[Field, dict[str, np.ndarray]]:
  """A field, and its arrays as the data layer gives them.

  Args:
    name: of the field; 'x' is no label.
    arrays: `{member of the file: [N, ...]}`, of all splits.
    kind: what the file says that they are; empty: images are `uint8[N, H, W]` or `uint8[N, H, W, C]` with C 1 or 3,
      vectors `float[N, D]`, masks bool, labels integers `[N]`.
    levels: what the file says; None: 256 for images, for labels and tokens one more than the largest.
    path: of the file, for messages.

  Raises:
    UserError: if they are of no such kind, or their values are out of range.
  """
  for key, array in arrays.items():
    if 0 in array.shape[1:]:
      raise UserError(f'{path}: {_shown(key, array)}, and an example holds nothing; give it a size.')
  if kind and kind not in _KINDS:
    raise UserError(f'{path}: the kind of {name} is "{kind}"; it must be one of {", ".join(_KINDS)}.')
  unlike = f'{path}: {" and ".join(arrays)} are not alike; give both the same shape and type.'
  kinds = {kind or _guess(name, key, array, path) for key, array in arrays.items()}
  if len(kinds) > 1:
    raise UserError(unlike)
  (kind,) = kinds
  number, arrays = _OF_KIND[kind](arrays, levels, path)
  shapes = {array.shape[1:] for array in arrays.values()}
  if len(shapes) > 1:
    raise UserError(unlike)
  field = Field(kind, shapes.pop(), number)
  return field, {key: array.astype(fields.dtype(field), copy=False) for key, array in arrays.items()}


def _guess(name, key, array, path):
  if name == 'label':
    return 'label'
  if array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3))):
    return 'image'
  if np.issubdtype(array.dtype, np.floating) and array.ndim == 2:
    return 'vector'
  if name != 'x' and array.dtype == bool:
    return 'mask'
  if name != 'x' and np.issubdtype(array.dtype, np.integer) and array.ndim == 1:
    return 'label'
  more = '' if name == 'x' else ' masks are bool, labels are integers [N],'
  raise UserError(
    f'{path}: {_shown(key, array)}; images are uint8[N, H, W] or uint8[N, H, W, C] with C 1 or 3, '
    f'vectors are float[N, D],{more} and tokens are integers of which the file says so: '
    f"{'kind' if name == 'x' else f'{name}_kind'}='tokens'."
  )


def _images(arrays, levels, path):
  """256 levels or what the file says."""
  pixels = {}
  for key, array in arrays.items():
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
      raise UserError(f'{path}: {_shown(key, array)}; images are uint8[N, H, W] or uint8[N, H, W, C].')
    pixels[key] = array[..., None] if array.ndim == 3 else array
  levels = np.array(256) if levels is None else levels
  top = max(int(array.max(initial=0)) for array in pixels.values())
  least = max(top + 1, 2)
  if not _is_number(levels) or not least <= levels <= 256:
    allowed = '256' if least == 256 else f'a number from {least} to 256'
    raise UserError(f'{path}: levels is {levels}, but the largest pixel is {top}; set levels to {allowed}.')
  return int(levels), pixels


def _vectors(arrays, levels, path):
  del levels
  for key, array in arrays.items():
    if not np.issubdtype(array.dtype, np.floating) or array.ndim != 2:
      raise UserError(f'{path}: {_shown(key, array)}; vectors are float[N, D].')
    if not np.isfinite(array).all():
      raise UserError(f'{path}: {key} holds values that are not finite; remove them.')
    if np.abs(array).max(initial=0) > _LARGEST:
      raise UserError(
        f'{path}: {key} holds values up to {np.abs(array).max():.3g}, and at most {_LARGEST:g} can be learned from; '
        'scale each column to a standard deviation of about 1.'
      )
  return 0, arrays


def _labels(arrays, levels, path):
  for key, array in arrays.items():
    if array.ndim != 1:
      raise UserError(
        f'{path}: {key} has the shape {list(array.shape)}; labels are one number for each example.'
      )
  classes = _vocabulary(arrays, levels, path, 'labels', 'number the classes anew')
  return classes, arrays


def _tokens(arrays, levels, path):
  for key, array in arrays.items():
    if array.ndim < 2:
      raise UserError(f'{path}: {_shown(key, array)}; tokens are integers [N, T] or [N, H, W].')
  return max(2, _vocabulary(arrays, levels, path, 'tokens', 'take those away that are none')), arrays


def _audio(arrays, levels, path):
  """Codes of 256 levels or what the file says, as `jaxgen.mu_law` makes them; or loudness itself."""
  for key, array in arrays.items():
    if array.ndim != 3:
      raise UserError(f'{path}: {_shown(key, array)}; sound is [N, T, C], with one channel C = 1.')
    is_loudness = np.issubdtype(array.dtype, np.floating)
    if is_loudness and not (np.abs(array) <= 1).all():  # neither is what is no number
      raise UserError(f'{path}: {key} holds sound beyond -1 to 1; scale it.')
  if all(np.issubdtype(array.dtype, np.floating) for array in arrays.values()):
    return 0, arrays
  return _vocabulary(
    arrays, np.array(256) if levels is None else levels, path, 'codes of sound', 'set levels'
  ), arrays


def _masks(arrays, levels, path):
  del levels
  for key, array in arrays.items():
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
      raise UserError(f'{path}: {key} is a mask, and may hold nothing but 0 and 1.')
  return 2, arrays


_OF_KIND = {
  'image': _images,
  'vector': _vectors,
  'tokens': _tokens,
  'audio': _audio,
  'label': _labels,
  'mask': _masks,
}


def _vocabulary(arrays, levels, path, what, remedy):
  """How many values integers may have: what the file says, or one more than the largest."""
  most = _MOST_LEVELS
  if levels is not None:
    if not _is_number(levels) or not 1 <= levels <= most:
      raise UserError(f'{path}: levels is {levels}; the number of {what} is from 1 to {most}.')
    most = int(levels)
  top = 0
  for key, array in arrays.items():
    if not np.issubdtype(array.dtype, np.integer):
      raise UserError(f'{path}: {key} must be integers from 0; its type is {array.dtype}.')
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    if low < 0 or high >= most:
      raise UserError(f'{path}: {key} goes from {low} to {high}; {what} are from 0 to {most - 1}: {remedy}.')
    top = max(top, high)
  return top + 1 if levels is None else most


def _is_number(levels):
  return levels.shape == () and np.issubdtype(levels.dtype, np.integer)


def _shown(key, array):
  return f'{key} is {array.dtype}{list(array.shape)}'
