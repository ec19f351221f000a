"""Arrays of one's own in an `.npz` file."""

import math
import zipfile
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.data import images, splits
from jaxgen.data.npz_fields import field_of
from jaxgen.data.source import Source, from_arrays
from jaxgen.errors import UserError

_KEYS = 'x_train, x_test and (optional) label_train, label_test; or x and (optional) label'
_NEEDED = ('x', 'x_train', 'x_test')
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def load(config: ConfigDict, name: str, split: str) -> Source:
  """The arrays of a file, `npz:<path>`.

  The file holds `x_train` and `x_test`, and `label_train` and `label_test` where there are classes; or `x`
  and `label`, of which a tenth, chosen at random but always the same, is the test split. Images are
  `uint8[N, H, W]` or `uint8[N, H, W, C]` with C 1 or 3; vectors are `float[N, D]`; labels are integers
  from 0. A number `levels` says how many values a pixel takes, if not 256.

  Every other array is a field of its own name, `y` or `y_train` and `y_test`, of which `y_levels` says the same. Where
  the type does not tell of which kind an array is, a text does, `kind` for x and `y_kind` for y: integers `[N, T]` or
  `[N, H, W]` with `kind='tokens'` are tokens, codes of a codebook say, and `levels` is the size of the vocabulary.
  Single numbers are passed over. A text `weights_sha256` says of which weights the codes are.

  A mask `observed` of the shape of sequences of tokens says which of them hold an example: the first, one
  at least.

  Raises:
    UserError: if the file is missing or damaged, holds Python objects, takes more than the memory of this machine, its
      arrays are of another kind, or a mask of sequences has holes or marks nothing.
  """
  path = Path(name).expanduser()
  file = _read(path)
  parts = [''] if 'x' in file else ['_train', '_test']
  part = parts[-1] if split == 'test' else parts[0]
  found = {name: _field(file, name, parts, path) for name in _names(file, parts, path)}
  rows = slice(None) if len(parts) > 1 else splits.hold_out(len(file['x']))[split]
  spec = {name: field for name, (field, _) in found.items()}
  arrays = {name: each[f'{name}{part}'][rows] for name, (_, each) in found.items()}
  if fields.is_padded(spec):
    _check_fills_up(arrays[fields.OBSERVED], path)
  return from_arrays(f'{path} ({split})', *_resized(spec, arrays, config.image_size, path))


def weights_sha256(name: str) -> str:
  """The checksum of the weights whose codes a file holds, see `jaxgen.uses.codes`; empty where it says none."""
  path = Path(name).expanduser()
  with zipfile.ZipFile(path) as archive:
    if 'weights_sha256.npy' not in archive.namelist():
      return ''
    _claimed_bytes(archive, 'weights_sha256.npy', path)
    said = _array(archive, 'weights_sha256.npy')
  return str(said) if said.shape == () and said.dtype.kind == 'U' else ''


def _check_fills_up(mask, path):
  """That what a mask [N, T] marks are the first tokens of each sequence: a model takes their number for its length."""
  mask = mask.astype(bool)
  wrong = ~mask[:, 0] | (mask[:, 1:] & ~mask[:, :-1]).any(1)
  if wrong.any():
    raise UserError(
      f'{path}: the mask {fields.OBSERVED} of {int(wrong.sum()):,} sequences has holes or marks nothing; it must mark '
      'the first tokens of each, and what follows fills the sequence up.'
    )


def _resized(spec, arrays, image_size, path):
  """Every image field cropped and resized."""
  if spec['x'].kind != 'image':
    images.check_none_resized(image_size, str(path))
  arrays = {
    name: images.resize_all(array, image_size, spec[name].levels) if spec[name].kind == 'image' else array
    for name, array in arrays.items()
  }
  return {name: field._replace(shape=arrays[name].shape[1:]) for name, field in spec.items()}, arrays


def _read(path):
  """The arrays of the file. What a member claims to be is looked at before memory is asked for."""
  if not path.exists():
    raise UserError(f'There is no file {path}; set --config.data.name=npz:<path> to one.')
  try:
    if not path.is_file():
      raise ValueError('a folder, a pipe or a device')
    with zipfile.ZipFile(path) as archive:
      there = [name for name in archive.namelist() if name.endswith('.npy') or name in _NEEDED]
      held = {name.removesuffix('.npy') for name in there}
      if 'x' not in held and not {'x_train', 'x_test'} <= held:
        raise UserError(f'{path} holds {", ".join(sorted(held)) or "nothing"}; it needs {_KEYS}.')
      claimed = sum(_claimed_bytes(archive, name, path) for name in there)
      images.check_memory(str(path), claimed, instead=images.FEWER_OR_FOLDER)
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


def _names(file, parts, path):
  """The fields: 'x' first, and whatever else has a number for each example.

  Raises:
    UserError: if a field is there for one split only, or has another number of examples than x.
  """
  names = ['x']
  for key, array in sorted(file.items()):
    name = next((key.removesuffix(part) for part in parts if part and key.endswith(part)), key)
    is_field = array.ndim or name == 'label'
    if name in names or not is_field or array.dtype.kind in 'US' or _says_what_another_is(name, file, parts):
      continue
    if not all(f'{name}{part}' in file for part in parts):
      what = 'labels' if name == 'label' else name
      raise UserError(f'{path} has {what} for one split only; give {name}_train and {name}_test.')
    if '.' in name:  # config.data.fields.a.b would be the field b of a section a
      raise UserError(f'{path}: {name} cannot be a field, for its name has a dot; save it under another.')
    for part in parts:
      size, shape = len(file[f'x{part}']), file[f'{name}{part}'].shape
      if shape[:1] != (size,):
        raise UserError(f'{path}: there are {size} examples, but {name}{part} has the shape {list(shape)}.')
    names.append(name)
  return names


def _says_what_another_is(name, file, parts):
  field, _, rest = f'x_{name}'.rpartition('_') if name in ('levels', 'kind') else name.rpartition('_')
  return rest in ('levels', 'kind') and f'{field}{parts[0]}' in file


def _field(file, name, parts, path):
  prefix = '' if name == 'x' else f'{name}_'
  arrays = {f'{name}{part}': file[f'{name}{part}'] for part in parts}
  kind = file.get(f'{prefix}kind', np.array(''))
  if kind.shape or kind.dtype.kind != 'U':
    raise UserError(f'{path}: {prefix}kind is {kind.dtype}{list(kind.shape)}; it must be one text.')
  return field_of(name, arrays, str(kind), file.get(f'{prefix}levels'), path)
