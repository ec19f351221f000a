"""What sounds are compared by: how loud they are in each band of frequencies, in either half of their time.

Waves that sound alike differ sample by sample in their phases, which no ear hears of a steady tone; these do not.
"""

import numpy as np

from jaxgen import mu_law

_MOST_BANDS = 64  # of equal width, from 0 to half the rate
_LEAST = 1e-8  # of the power of a full-scale sine: -80 decibels, what is quieter is silence


def width(length: int) -> int:
  """How many numbers there are of a sound of so many samples, two for each band."""
  return 2 * min(_MOST_BANDS, max(1, length // 2) // 2 + 1)


def band_powers(x: np.ndarray, levels: int) -> np.ndarray:
  """log10 of the mean power in each band, first of the first half of the time and then of the second.

  Args:
    x: [N, T, C], codes of as many levels, or loudness where that is 0; the mean of the channels counts.
    levels: of the field.

  Returns:
    f32[N, width(T)], of 0 for a sine of full loudness that fills its band, at least -8.
  """
  sounds = (mu_law.decode(np.asarray(x), levels) if levels else np.asarray(x)).mean(2)
  half = max(1, sounds.shape[1] // 2)
  return np.concatenate([_log_powers(sounds[:, :half]), _log_powers(sounds[:, -half:])], 1)


def _log_powers(sounds):
  size = sounds.shape[1]
  window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)  # Hann
  power = np.abs(np.fft.rfft(sounds * window, axis=1) * (2 / window.sum())) ** 2
  count = power.shape[1]
  bands = min(_MOST_BANDS, count)
  edges = np.arange(bands + 1) * count // bands
  mean = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
  return np.log10(mean + _LEAST).astype(np.float32)
