"""Wav files: what their headers say, and their samples as one channel."""

import os
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.errors import UserError


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
    # `wave` knows whole numbers alone: floating-point files are refused, which any editor saves as 24 bits.
    with wave.open(str(path), 'rb') as file:
      found = Header(file.getframerate(), file.getnframes(), file.getnchannels(), file.getsampwidth())
      size = found.samples * found.channels * found.width
      if found.width not in _OF_WIDTH:
        raise wave.Error(f'{8 * found.width} bits a sample')
      if size > os.path.getsize(path):  # before memory is asked for
        raise EOFError
      data = file.readframes(found.samples) if whole else b''
  except EOFError:
    raise _truncated(path) from None
  except OSError as error:
    raise UserError(f'{path} cannot be read: {error.strerror}.') from None
  except Exception as error:  # a damaged header makes `wave` raise almost anything
    raise UserError(
      f'{path} cannot be read as a wav file of 8, 16, 24 or 32 bits ({error}); save it anew as 16-bit PCM.'
    ) from None
  if whole and len(data) < size:
    raise _truncated(path)
  return found, data


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
