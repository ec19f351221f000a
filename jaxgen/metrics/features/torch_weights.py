"""Reads tensors from a file that `torch.save` wrote, without torch and without executing what it says.

The file describes its tensors by pickles, which `inert_pickle` reads; the numbers lie beside them. Shape, offset and
strides of a tensor are checked against the length of its storage before it is taken from there.

Both containers of torch are read: a zip file (since 1.6) and the older sequence of pickles.
"""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from jaxgen.errors import UserError
from jaxgen.metrics.features import inert_pickle
from jaxgen.metrics.features.inert_pickle import Name, Refused

_DTYPES = {
  'DoubleStorage': '<f8',
  'FloatStorage': '<f4',
  'HalfStorage': '<f2',
  'LongStorage': '<i8',
  'IntStorage': '<i4',
  'ShortStorage': '<i2',
  'CharStorage': 'i1',
  'ByteStorage': 'u1',
  'BoolStorage': '?',
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_BYTES = 2**31
_DAMAGE = (
  ValueError, KeyError, IndexError, TypeError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile,
)  # fmt: skip


class _Storage(NamedTuple):
  key: str
  dtype: np.dtype
  size: int


class _Tensor(NamedTuple):
  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def load(path: str | Path) -> dict[str, np.ndarray]:
  """The tensors of a state dict, by name.

  Raises:
    UserError: if the file cannot be read, or holds anything but a dictionary of plain dense tensors.
  """
  path = Path(path)
  try:
    if path.stat().st_size > _MAX_BYTES:
      raise UserError(
        f'{path} is larger than {_MAX_BYTES} bytes: it is not a file of weights for this network.'
      )
    data = path.read_bytes()
  except OSError as error:
    raise UserError(f'The weights file {path} cannot be read: {error.strerror or error}.') from error
  try:
    # From memory: reading from a buffer is bounded by it, whatever length the file claims for a string.
    return _read_zip(io.BytesIO(data)) if data[:4] == b'PK\x03\x04' else _read_legacy(io.BytesIO(data))
  except _DAMAGE as error:
    raise UserError(
      f'{path} is not a plain dictionary of PyTorch tensors ({error}); nothing in it was executed.'
    ) from error


def _read_zip(file: BinaryIO) -> dict[str, np.ndarray]:
  with zipfile.ZipFile(file) as archive:
    entries = {entry.filename: entry for entry in archive.infolist()}
    roots = [name[: -len('data.pkl')] for name in entries if name.endswith('/data.pkl')]
    if len(roots) != 1:
      raise Refused('it has no single data.pkl')
    root = roots[0]

    def content(name):
      entry = entries[root + name]
      if entry.compress_type != zipfile.ZIP_STORED:  # torch compresses nothing, and so nothing can inflate
        raise Refused(f'{name} is compressed')
      return archive.read(entry)

    def read(storage):
      data = content(f'data/{storage.key}')
      if len(data) != storage.size * storage.dtype.itemsize:
        raise Refused(f'storage {storage.key} has another length than its tensors')
      return np.frombuffer(data, storage.dtype)

    if root + 'byteorder' in entries and content('byteorder') != b'little':
      raise Refused('it is not little-endian')
    return _materialize(_described(io.BytesIO(content('data.pkl'))), read)


def _read_legacy(file: BinaryIO) -> dict[str, np.ndarray]:
  """Magic number, protocol, machine, tensors, keys of the storages: a pickle each; then the storages."""
  if _described(file) != _LEGACY_MAGIC or _described(file) != _LEGACY_PROTOCOL:
    raise Refused('it does not begin like a file of torch.save')
  machine = _described(file)
  if not isinstance(machine, dict) or machine.get('little_endian') is not True:
    raise Refused('it is not little-endian')
  described = _described(file)
  keys = _described(file)
  storages = {t.storage.key: t.storage for t in _tensors(described).values()}
  if not isinstance(keys, list) or set(keys) != set(storages) or len(set(keys)) != len(keys):
    raise Refused('its storages are not those of its tensors')
  arrays = {}
  for key in keys:
    size = int.from_bytes(file.read(8), 'little', signed=True)
    storage = storages[key]
    data = file.read(size * storage.dtype.itemsize) if size == storage.size else b''
    if len(data) != storage.size * storage.dtype.itemsize:
      raise Refused(f'storage {key} has another length than its tensors')
    arrays[key] = np.frombuffer(data, storage.dtype)
  return _materialize(described, lambda storage: arrays[storage.key])


def _tensors(described: Any) -> dict[str, _Tensor]:
  if not isinstance(described, dict):
    raise Refused('it holds no dictionary')
  for name, value in described.items():
    if not isinstance(name, str) or not isinstance(value, _Tensor):
      raise Refused('an entry is no tensor')
  return described


def _materialize(described: Any, read: Callable[[_Storage], np.ndarray]) -> dict[str, np.ndarray]:
  tensors = _tensors(described)
  # Tensors may share a storage, so that a small file could describe any amount of memory.
  if sum(t.storage.size * t.storage.dtype.itemsize for t in tensors.values()) > _MAX_BYTES:
    raise Refused('its tensors take more memory than the file')
  return {name: _array(tensor, read(tensor.storage)) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
  """A copy of the view that a tensor is on its storage, within the bounds of both."""
  numbers = (tensor.offset, *tensor.shape, *tensor.strides)
  if not all(type(n) is int and n >= 0 for n in numbers) or len(tensor.shape) > 8:
    raise Refused('a tensor has an impossible shape')
  last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
  size = 1
  for n in tensor.shape:
    size *= n
  # A view with more elements than its storage (strides of zero) could ask for any amount of memory.
  if size > storage.size or (size and last >= storage.size):
    raise Refused('a tensor reaches beyond its storage')
  if not size:
    return np.zeros(tensor.shape, storage.dtype)
  strides = [s * storage.itemsize for s in tensor.strides]
  return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides).copy()


def _rebuild_tensor(args):
  """Describes what `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)` would make."""
  storage, offset, shape, strides, *_ = args
  if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
    raise Refused('a tensor is described in an unknown way')
  return _Tensor(storage, offset, shape, strides)


def _empty_dict(args):
  if args:
    raise Refused('a dictionary is built in an unknown way')
  return {}


# What REDUCE may ask for; the functions are ours and only arrange their arguments.
_REBUILD = {
  'torch._utils _rebuild_tensor_v2': _rebuild_tensor,
  'torch._utils _rebuild_parameter': lambda args: args[0],
  'collections OrderedDict': _empty_dict,
}


def _persistent(reference):
  """`('storage', type, key, device, size[, view])`."""
  kind, storage_type, key, _, size, *view = reference
  if kind != 'storage' or any(v is not None for v in view) or not isinstance(storage_type, Name):
    raise Refused('a storage is described in an unknown way')
  module, _, name = storage_type.name.partition(' ')
  if module != 'torch' or name not in _DTYPES:
    raise Refused(f'it has a storage of type {storage_type.name}')
  if not isinstance(key, str) or type(size) is not int or size < 0:
    raise Refused('a storage is described in an unknown way')
  return _Storage(key, np.dtype(_DTYPES[name]), size)


def _described(file: BinaryIO) -> Any:
  """What the next pickle describes: plain values, and `_Tensor` where there are tensors."""
  return inert_pickle.interpret(file, _REBUILD, _persistent)
