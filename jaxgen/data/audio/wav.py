"""Wav files: what their headers say, and their samples as one channel."""

import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.errors import UserError

_PCM, _EXTENSIBLE = 0x0001, 0xFFFE  # tags of formats; the second is written above 16 bits or two channels
# Where a header is extended, this stands for `_PCM`: KSDATAFORMAT_SUBTYPE_PCM.
_SUBTYPE_PCM = bytes.fromhex('0100000000001000800000aa00389b71')


class Header(NamedTuple):
  """Of a wav file: samples a second, their number, the channels, and the bytes of a sample of one channel."""

  rate: int
  samples: int
  channels: int
  width: int


def header(path: Path) -> Header:
  """What a file says of itself; its samples are there, and are of 8, 16, 24 or 32 bits.

  Raises:
    UserError: if it is no such file, or is truncated.
  """
  return _read(path, False)[0]


def read(path: Path) -> np.ndarray:
  """The samples f32[T] in [-1, 1), the mean of the channels.

  Raises:
    UserError: as `header`.
  """
  (_, _, channels, width), data = _read(path, True)
  return _OF_WIDTH[width](data).astype(np.float32).reshape(-1, channels).mean(1)


def _read(path, whole):
  try:
    with open(path, 'rb') as file:
      found = _header(file)
      size = found.samples * found.channels * found.width
      if size > os.path.getsize(path) - file.tell():  # before memory is asked for
        raise EOFError
      return found, file.read(size) if whole else b''
  except EOFError:
    raise _truncated(path) from None
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}.') from None
  except ValueError as error:
    raise UserError(
      f'{path} cannot be read as a wav file of 8, 16, 24 or 32 bits ({error}); save it anew as 16-bit PCM.'
    ) from None


def _header(file):
  """That of an open file, which then stands at its samples."""
  riff, _, kind = _unpacked(file, '<4sI4s')
  if (riff, kind) != (b'RIFF', b'WAVE'):
    raise ValueError('it does not begin as one')
  form = None
  while True:
    name, size = _unpacked(file, '<4sI')
    start = file.tell()
    if name == b'fmt ':
      form = _format(file)
    if name == b'data':
      break
    file.seek(start + size + size % 2)  # chunks begin at even places
  if form is None:
    raise ValueError('its samples come before their format')
  rate, channels, width = form
  return Header(rate, size // (channels * width), channels, width)


def _format(file):
  """Samples a second, channels and bytes of a sample: the chunk `fmt ` of a file that stands there."""
  tag, channels, rate, _, _, bits = _unpacked(file, '<HHIIHH')
  if tag == _EXTENSIBLE:
    *_, subtype = _unpacked(file, '<HHI16s')  # its length, the bits that are used, where loudspeakers stand
    tag = _PCM if subtype == _SUBTYPE_PCM else tag
  if tag != _PCM:  # floating-point files too are refused, which any editor saves as 24 bits
    raise ValueError(f'format {tag:#06x}')
  width = (bits + 7) // 8
  if width not in _OF_WIDTH:
    raise ValueError(f'{bits} bits a sample')
  if not channels or not rate:
    raise ValueError(f'{channels} channels, {rate} samples a second')
  return rate, channels, width


def _unpacked(file, form):
  data = file.read(struct.calcsize(form))
  if len(data) < struct.calcsize(form):
    raise EOFError
  return struct.unpack(form, data)


def _truncated(path):
  return UserError(f'{path} is truncated: its header promises more samples than there are; save it anew.')


def _of_24_bits(data):
  """By a fourth byte beneath the three: i32 of 256 times as much."""
  wide = np.zeros((len(data) // 3, 4), np.uint8)
  wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
  return wide.view('<i4')[:, 0] / 2**31


_OF_WIDTH = {
  1: lambda data: (np.frombuffer(data, np.uint8) - 128.0) / 128,  # of 8 bits alone zero is in the middle
  2: lambda data: np.frombuffer(data, '<i2') / 2**15,
  3: _of_24_bits,
  4: lambda data: np.frombuffer(data, '<i4') / 2**31,
}
