"""Pitch: the fundamental frequency of a sound, by YIN, and how far it lies from another one.

De Cheveigné & Kawahara, "YIN, a fundamental frequency estimator for speech and music", 2002.
"""

import math

import numpy as np

from jaxgen import mu_law
from jaxgen.metrics.features import Reference

_BEYOND = 1.5  # by which factor frequencies are looked for outside of those that there are
NO_PITCH = 1200.0  # cents, the error of a sound without one
_THRESHOLD = 0.1  # of the normalized difference: the first dip below it is the period (section II.D)


def fundamental(x: np.ndarray, rate: float, lowest: float, highest: float) -> np.ndarray:
  """The fundamental frequency of each of N sounds, f64[N] in Hz; NaN of one that is constant.

  It is a period in samples at which a sound is most like itself: the first at which its difference to itself, relative
  to the mean at all shorter ones, falls below 0.1, or else the one with the least (equations 6 and 8). A parabola
  through the difference and its neighbours says where between samples (section II.E), first there, then at the largest
  multiple of that period that there is room for, of which the error is as many times smaller.

  Args:
    x: f[N, T], of any loudness.
    rate: samples a second.
    lowest: of the frequencies that are looked for, Hz.
    highest: of them.

  Raises:
    ValueError: if T is less than `least_length`.
  """
  x = np.asarray(x, np.float64)
  if x.shape[1] < least_length(rate, lowest):
    raise ValueError(f'{x.shape[1]} samples are too few to hear {lowest:g} Hz at {rate:g} a second.')
  shortest, longest = max(2, math.floor(rate / highest)), math.ceil(rate / lowest)
  difference = _difference(x, x.shape[1] // 2)
  normalized = _normalized(difference)
  period = _refined(difference, _first_dip(normalized, shortest, longest))
  times = np.maximum(1, (difference.shape[1] - 2) // period)
  near = np.rint(times * period).astype(int)
  around = near[:, None] + np.arange(-1, 2)
  least = np.take_along_axis(difference, np.clip(around, 0, difference.shape[1] - 1), 1).argmin(1)
  multiple = _refined(difference, np.minimum(around[np.arange(len(x)), least], difference.shape[1] - 2))
  return np.where(np.ptp(x, axis=1) > 0, rate * times / multiple, np.nan)


def least_length(rate: float, lowest: float) -> int:
  """The samples that a sound needs for `fundamental`: twice the longest period, and its neighbours."""
  return 2 * (math.ceil(rate / lowest) + 2)


def long_enough(length: int, rate: int, pitches: np.ndarray) -> bool:
  """Whether sounds of so many samples tell which of these pitches, f[P] in Hz, they have."""
  return length >= least_length(rate, min(pitches) / _BEYOND)


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
    pitches: f[P] in Hz, those that there should be: half as much again is looked for above and below.
  """
  sounds = (mu_law.decode(np.asarray(x), levels) if levels else np.asarray(x)).mean(2)
  return fundamental(sounds, rate, min(pitches) / _BEYOND, max(pitches) * _BEYOND)


def errors(x: np.ndarray, pitch: np.ndarray, reference: Reference) -> np.ndarray:
  """How far sounds are from the pitch that they should have, f64[N] in cents, at least 0; without any, an octave.

  Args:
    x: [N, T, C], as the data layer gives them.
    pitch: i[N], which of `reference.pitches` each should have.
    reference: data of known pitch, see `heard`.
  """
  pitches = np.asarray(reference.pitches)
  found = of_sounds(x, reference.x.levels, reference.rate, pitches)
  return np.nan_to_num(np.abs(cents(found, pitches[pitch])), nan=NO_PITCH)


def cents(frequency: np.ndarray, of: np.ndarray) -> np.ndarray:
  """1200 log2(f / g), hundredths of a semitone by which f, Hz, is above g."""
  return 1200 * np.log2(np.asarray(frequency, np.float64) / of)


def _difference(x, size):
  """d(tau) = sum_j (x_j - x_{j + tau})^2 over the first T - size samples, f64[N, size] (equation 6)."""
  window = x.shape[1] - size
  parts = [((x[:, :window] - x[:, tau : tau + window]) ** 2).sum(1) for tau in range(size)]
  return np.stack(parts, 1)


def _normalized(difference):
  """d'(tau) = d(tau) / mean of d at 1 to tau, and 1 at 0 (equation 8)."""
  tau = np.arange(1, difference.shape[1])
  mean = difference[:, 1:].cumsum(1) / tau
  ratio = np.divide(difference[:, 1:], mean, out=np.ones_like(mean), where=mean > 0)
  return np.concatenate([np.ones((len(difference), 1)), ratio], 1)


def _first_dip(normalized, shortest, longest):
  """The places i64[N] of the first minimum below the threshold, or of the least one, from shortest to longest.

  How low it is between samples counts: bright sounds are unlike themselves half a sample beside their period.
  """
  before, inside, after = (normalized[:, shortest + step : longest + step + 1] for step in (-1, 0, 1))
  bend = before - 2 * inside + after
  depth = np.divide((before - after) ** 2, 8 * bend, out=np.zeros_like(bend), where=bend > 0)
  is_least = (inside <= before) & (inside < after)
  ordinate = np.where(is_least, inside - depth, np.inf)
  dips = ordinate < _THRESHOLD
  return shortest + np.where(dips.any(1), dips.argmax(1), ordinate.argmin(1))


def _refined(difference, place):
  """Where between samples, f64[N], the parabola through a minimum at i64[N] and its neighbours is least."""
  left, middle, right = (difference[np.arange(len(place)), place + step] for step in (-1, 0, 1))
  bend = left - 2 * middle + right
  shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
  return place + np.clip(shift, -1, 1)
