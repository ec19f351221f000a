"""Arrays of one's own in an `.npz` file."""

import math
import zipfile
from pathlib import Path

import numpy as np

from jaxgen.data import images, order
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError
from jaxgen.types import DataSpec

_KEYS = 'x_train, x_test and (optional) label_train, label_test; or x and (optional) label'
_MEMBERS = ('x', 'x_train', 'x_test', 'label', 'label_train', 'label_test', 'levels')
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# A class is a column of a one-hot vector in every conditional model.
_MOST_CLASSES = 65_536
# Beyond, the squares and products of a network are no longer what float32 holds.
_LARGEST = 1e6


def load(name: str, image_size: int, split: str) -> Source:
  """The arrays of a file, `npz:<path>`.

  The file holds `x_train` and `x_test`, and `label_train` and `label_test` where there are classes; or `x`
  and `label`, of which a tenth, chosen at random but always the same, is the test split. Images are
  `uint8[N, H, W]` or `uint8[N, H, W, C]` with C 1 or 3; vectors are `float[N, D]`; labels are integers
  from 0. A number `levels` says how many values a pixel takes, if not 256.

  Raises:
    UserError: if the file is missing or damaged, holds Python objects, takes more than the memory of this machine, or
      its arrays are of another kind.
  """
  path = Path(name).expanduser()
  file = _read(path)
  keys = _keys(file, path)
  x = {key: _examples(file[key], key, path) for key in keys}
  levels = _levels(file, x, path)
  if image_size and not levels:
    raise UserError(f'--config.data.image_size is for images, but {path} holds vectors; set it to 0.')
  labels = {key: _labels(file, key, len(x[key]), path) for key in keys if _label_key(key) in file}
  classes = 1 + max((int(label.max(initial=0)) for label in labels.values()), default=-1)
  key = keys[-1] if split == 'test' else keys[0]
  rows = _hold_out(len(x[key]))[split] if len(keys) == 1 else slice(None)
  arrays = {'x': x[key][rows]}
  if levels:
    arrays['x'] = images.resize_all(arrays['x'], image_size, levels)
  if classes:
    arrays['label'] = labels[key][rows]
  return from_arrays(f'{path} ({split})', DataSpec(arrays['x'].shape[1:], levels, classes), arrays)


def _read(path):
  """The arrays that a data set is made of. What a member claims to be is looked at before memory is asked for."""
  if not path.exists():
    raise UserError(f'There is no file {path}; set --config.data.name=npz:<path> to one.')
  try:
    if not path.is_file():
      raise ValueError('a folder, a pipe or a device')
    with zipfile.ZipFile(path) as archive:
      there = [name for name in archive.namelist() if name.removesuffix('.npy') in _MEMBERS]
      if not there:
        held = ', '.join(sorted(name.removesuffix('.npy') for name in archive.namelist()))
        raise UserError(f'{path} holds {held or "nothing"}; it needs {_KEYS}.')
      images.check_memory(str(path), sum(_claimed_bytes(archive, name, path) for name in there))
      return {name.removesuffix('.npy'): _array(archive, name) for name in there}
  except UserError:
    raise
  except (
    Exception
  ) as error:  # a damaged archive makes zipfile, its decompressors and NumPy raise almost anything
    raise UserError(f'{path} cannot be read as an .npz file; write it with numpy.savez.') from error


def _claimed_bytes(archive, name, path):
  """What the header of a member says that it takes in memory.

  Raises:
    UserError: if it is no array, would have to be unpickled, or says something else than what is there.
  """
  info = archive.getinfo(name)
  with archive.open(info) as member:
    try:
      shape, _, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
    except (KeyError, ValueError) as error:
      raise UserError(f'{path}: {name} is no array; write the file with numpy.savez.') from error
    there = info.file_size - member.tell()
  if dtype.hasobject:
    raise UserError(f'{path} holds Python objects, which are not read; save plain arrays.')
  claimed = math.prod(shape) * dtype.itemsize
  if claimed != there:
    raise UserError(
      f'{path}: {name} says that it is {dtype}{list(shape)}, {claimed:,} bytes, but holds {there:,}; write it anew.'
    )
  return claimed


def _array(archive, name):
  with archive.open(name) as member:
    return np.lib.format.read_array(member, allow_pickle=False)


def _keys(file, path):
  """What holds the examples: `['x']`, or `['x_train', 'x_test']`."""
  keys = ['x'] if 'x' in file else ['x_train', 'x_test']
  if not all(key in file for key in keys):
    raise UserError(f'{path} holds {", ".join(sorted(file)) or "nothing"}; it needs {_KEYS}.')
  labelled = [key for key in keys if _label_key(key) in file]
  if labelled and labelled != keys:
    raise UserError(f'{path} has labels for one split only; give label_train and label_test.')
  return keys


def _label_key(key):
  return key.replace('x', 'label', 1)


def _hold_out(size):
  """A tenth of the places for 'test', the others for 'train': at random, but always the same."""
  shuffled = order.permutation(0, 0, size)
  count = max(1, size // 10)
  return {'train': np.sort(shuffled[count:]), 'test': np.sort(shuffled[:count])}


def _examples(x, key, path):
  """Images as `uint8[N, H, W, C]`, vectors as `f32[N, D]`."""
  if 0 in x.shape[1:]:
    raise UserError(
      f'{path}: {key} is {x.dtype}{list(x.shape)}, and an example holds nothing; give it a size.'
    )
  if x.dtype == np.uint8 and x.ndim == 3:
    x = x[..., None]
  if x.dtype == np.uint8 and x.ndim == 4 and x.shape[-1] in (1, 3):
    return x
  if np.issubdtype(x.dtype, np.floating) and x.ndim == 2:
    if not np.isfinite(x).all():
      raise UserError(f'{path}: {key} holds values that are not finite; remove them.')
    if np.abs(x).max(initial=0) > _LARGEST:
      raise UserError(
        f'{path}: {key} holds values up to {np.abs(x).max():.3g}, and at most {_LARGEST:g} can be learned from; scale '
        'each column to a standard deviation of about 1.'
      )
    return x.astype(np.float32)
  raise UserError(
    f'{path}: {key} is {x.dtype}{list(x.shape)}; images are uint8[N, H, W] or uint8[N, H, W, C] with C 1 or 3, '
    'vectors are float[N, D].'
  )


def _labels(file, key, size, path):
  """`i32[N]`, from 0."""
  key = _label_key(key)
  label = file[key]
  if label.shape != (size,):
    raise UserError(f'{path}: there are {size} examples, but {key} has the shape {list(label.shape)}.')
  if not np.issubdtype(label.dtype, np.integer):
    raise UserError(f'{path}: {key} must be integers from 0; its type is {label.dtype}.')
  low, high = int(label.min(initial=0)), int(label.max(initial=0))
  if low < 0 or high >= _MOST_CLASSES:
    raise UserError(
      f'{path}: {key} goes from {low} to {high}; labels are from 0 to {_MOST_CLASSES - 1}: number the classes anew.'
    )
  return label.astype(np.int32)


def _levels(file, x, path):
  """256 or what the file says, for images; 0 for vectors. Both splits must be alike."""
  if len({(value.dtype, value.shape[1:]) for value in x.values()}) > 1:
    raise UserError(f'{path}: x_train and x_test are not alike; give both the same shape and type.')
  if next(iter(x.values())).dtype != np.uint8:
    return 0
  levels = file.get('levels', np.array(256))
  top = max(int(value.max(initial=0)) for value in x.values())
  number = levels.shape == () and np.issubdtype(levels.dtype, np.integer)
  least = max(top + 1, 2)
  if not number or not least <= levels <= 256:
    allowed = '256' if least == 256 else f'a number from {least} to 256'
    raise UserError(f'{path}: levels is {levels}, but the largest pixel is {top}; set levels to {allowed}.')
  return int(levels)
