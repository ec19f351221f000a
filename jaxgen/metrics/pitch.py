"""Pitch: the fundamental frequency of a sound, by YIN, and how far it lies from another one.

De Cheveigné & Kawahara, "YIN, a fundamental frequency estimator for speech and music", 2002.
"""

import math

import numpy as np

from jaxgen import mu_law
from jaxgen.metrics.features import Reference

_BELOW, _LEAST_BELOW = (
  2.0,
  1.5,
)  # times lower than the pitches is looked for, and at least, where sounds are short
_ABOVE = 4.0  # times higher: a sound of an overtone alone would else be heard by some multiple of its period
NO_PITCH = 1200.0  # cents, the error of a sound without one, and the most that any has
_THRESHOLD = 0.1  # of the normalized difference: the first dip below it is the period (section II.D)
_APERIODIC = (
  0.4  # of the least dip: what is no more like itself has no pitch; a click, heard half the time, has 0.5
)
_ROUNDING = 1e-12  # of the energy of a sound: smaller differences are none
_PART = 2**20  # samples at a time


def fundamental(x: np.ndarray, rate: float, lowest: float, highest: float) -> np.ndarray:
  """The fundamental frequency of each of N sounds, f64[N] in Hz; NaN of one that has none, as noise or silence.

  It is a period in samples at which a sound is most like itself: the first at which its difference to itself, relative
  to the mean at all shorter ones, falls below 0.1, or else the one with the least (equations 6 and 8), if that is below
  0.4. A parabola through the difference and its neighbours says where between samples (section II.E), first there, then
  at ever larger multiples of that period as far as there is room, of which the error is as many times smaller.

  Args:
    x: f[N, T], of any loudness.
    rate: samples a second.
    lowest: of the frequencies that are looked for, Hz.
    highest: of them. An overtone that is alone and above it is heard as one of its fractions, if at all.

  Raises:
    ValueError: if T is less than `least_length`.
  """
  x = np.asarray(x)
  if x.shape[1] < least_length(rate, lowest):
    raise ValueError(f'{x.shape[1]} samples are too few to hear {lowest:g} Hz at {rate:g} a second.')
  shortest, longest = max(2, math.floor(rate / highest)), math.ceil(rate / lowest)
  size = max(1, _PART // x.shape[1])
  starts = range(0, max(1, len(x)), size)
  return rate / np.concatenate([_period(x[start : start + size], shortest, longest) for start in starts])


def least_length(rate: float, lowest: float) -> int:
  """The samples that a sound needs for `fundamental`: twice the longest period, and its neighbours."""
  return 2 * (math.ceil(rate / lowest) + 2)


def long_enough(length: int, rate: int, pitches: np.ndarray) -> bool:
  """Whether sounds of so many samples tell which of these pitches, f[P] in Hz, they have."""
  return length >= least_length(rate, min(pitches) / _LEAST_BELOW)


def heard(reference: Reference) -> bool:
  """Whether the pitches of data are known and their examples long enough to hear each."""
  known = reference.pitches
  return known is not None and long_enough(reference.x.shape[0], reference.rate, known)


def of_sounds(x: np.ndarray, levels: int, rate: int, pitches: np.ndarray) -> np.ndarray:
  """The pitch of each of N sounds, f64[N] in Hz; NaN of those without one. Of several channels the mean counts.

  Args:
    x: [N, T, C], as the data layer gives them.
    levels: of their field.
    rate: samples a second.
    pitches: f[P] in Hz, those that there should be, for which T is `long_enough`: two octaves more are looked for
      above, and one below as far as there is room.
  """
  sounds = (mu_law.decode(np.asarray(x), levels) if levels else np.asarray(x)).mean(2)
  longest = min(math.ceil(rate / (min(pitches) / _BELOW)), sounds.shape[1] // 2 - 2)
  return fundamental(sounds, rate, rate / (longest - 1e-6), max(pitches) * _ABOVE)


def errors(x: np.ndarray, pitch: np.ndarray, reference: Reference) -> np.ndarray:
  """How far sounds are from the pitch that they should have, f64[N] in cents, at least 0 and at most an octave, as
  without any.

  Args:
    x: [N, T, C], as the data layer gives them.
    pitch: i[N], which of `reference.pitches` each should have.
    reference: data of known pitch, see `heard`.
  """
  pitches = np.asarray(reference.pitches)
  found = of_sounds(x, reference.x.levels, reference.rate, pitches)
  return distance(found, pitches[pitch])


def distance(found: np.ndarray, asked: np.ndarray) -> np.ndarray:
  """|cents| between frequencies f64[N] in Hz, at most an octave, as of a found one that is NaN."""
  return np.minimum(np.nan_to_num(np.abs(cents(found, asked)), nan=NO_PITCH), NO_PITCH)


def cents(frequency: np.ndarray, of: np.ndarray) -> np.ndarray:
  """1200 log2(f / g), hundredths of a semitone by which f, Hz, is above g."""
  return 1200 * np.log2(np.asarray(frequency, np.float64) / of)


def _period(x, shortest, longest):
  """That of each sound in samples, f64[N]; NaN of none."""
  x = np.asarray(x, np.float64)
  difference = _difference(x, x.shape[1] // 2)
  place, depth = _first_dip(_normalized(difference), shortest, longest)
  most, times = difference.shape[1] - 2, 1
  period = _refined(difference, place)
  rooms = np.maximum(1, most // period)
  while times < rooms.max(initial=1):
    times *= 4  # of more than that the nearest dip could be a neighbour's
    taken = np.minimum(times, rooms)
    around = np.clip(np.rint(taken * period).astype(int)[:, None] + np.arange(-1, 2), 1, most)
    least = np.take_along_axis(difference, around, 1).argmin(1)
    period = _refined(difference, around[np.arange(len(x)), least]) / taken
  return np.where((np.ptp(x, axis=1) > 0) & (depth < _APERIODIC), period, np.nan)


def _difference(x, size):
  """d(tau) = sum_j (x_j - x_{j + tau})^2 over the first T - size samples, f64[N, size] (equation 6).

  It is e_0 + e_tau - 2 r_tau, the energies of both stretches and their correlation, which is a product of spectra.
  """
  x = x - x.mean(1, keepdims=True)  # which differences do not see, and the rounding of energies does
  window = x.shape[1] - size
  energy = np.concatenate([np.zeros((len(x), 1)), (x**2).cumsum(1)], 1)
  energies = energy[:, window : window + size] - energy[:, :size]
  padded = 1 << (x.shape[1] - 1).bit_length()
  spectra = np.fft.rfft(x[:, :window], padded).conj() * np.fft.rfft(x, padded)
  correlation = np.fft.irfft(spectra, padded)[:, :size]
  difference = energies[:, :1] + energies - 2 * correlation
  return np.where(difference > _ROUNDING * energy[:, -1:], difference, 0)


def _normalized(difference):
  """d'(tau) = d(tau) / mean of d at 1 to tau, and 1 at 0 (equation 8)."""
  tau = np.arange(1, difference.shape[1])
  mean = difference[:, 1:].cumsum(1) / tau
  ratio = np.divide(difference[:, 1:], mean, out=np.ones_like(mean), where=mean > 0)
  return np.concatenate([np.ones((len(difference), 1)), ratio], 1)


def _first_dip(normalized, shortest, longest):
  """The first minimum below the threshold, or the least one, from shortest to longest: its place i64[N] and how low it
  is, f64[N], inf where there is none.

  How low it is between samples counts: bright sounds are unlike themselves half a sample beside their period.
  """
  before, inside, after = (normalized[:, shortest + step : longest + step + 1] for step in (-1, 0, 1))
  bend = before - 2 * inside + after
  depth = np.divide((before - after) ** 2, 8 * bend, out=np.zeros_like(bend), where=bend > 0)
  is_least = (inside <= before) & (inside < after)
  ordinate = np.where(is_least, inside - depth, np.inf)
  dips = ordinate < _THRESHOLD
  chosen = np.where(dips.any(1), dips.argmax(1), ordinate.argmin(1))
  return shortest + chosen, ordinate[np.arange(len(chosen)), chosen]


def _refined(difference, place):
  """Where between samples, f64[N], the parabola through a minimum at i64[N] and its neighbours is least."""
  left, middle, right = (difference[np.arange(len(place)), place + step] for step in (-1, 0, 1))
  bend = left - 2 * middle + right
  shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
  return place + np.clip(shift, -1, 1)
