import wave

import numpy as np
import pytest


@pytest.fixture(scope='session')
def write_wav():
  """`(path, x f64[T] or f64[T, C] in [-1, 1], rate=8000, width=2)`: writes a wav file, and the folders above it."""

  def write(path, x, rate=8000, width=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.asarray(x, np.float64)
    whole = np.rint(x * (2 ** (8 * width - 1) - 1)).astype('<i4')
    if width == 1:
      whole = whole + 128
    with wave.open(str(path), 'wb') as file:
      file.setnchannels(1 if x.ndim == 1 else x.shape[1])
      file.setsampwidth(width)
      file.setframerate(rate)
      file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, :width].tobytes())

  return write
