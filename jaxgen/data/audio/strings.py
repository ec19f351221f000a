"""Plucked strings of known pitch, by a delay line that feeds itself through an average of two samples.

Karplus & Strong, "Digital synthesis of plucked-string and drum timbres", 1983, tuned by an all-pass filter and decaying
alike at all pitches as in Jaffe & Smith, "Extensions of the Karplus-Strong plucked-string algorithm", 1983.
"""

import math
from typing import NamedTuple

import numpy as np

# A chromatic octave with both its ends, A3 to A4: f64[P], Hz
PITCHES = 220 * 2 ** (np.arange(13) / 12)
LEAST_RATE = 4000  # Hz: below, the highest string has too few samples a period to sound like one
_DECAY = 1.0  # seconds in which the fundamental falls by 60 dB
_LOUDEST = 0.9  # of the noise; what comes of it may be a little louder
_SOFTNESS = 4  # averages of neighbours
_FUNDAMENTAL = 0.5  # of the uniform noise: without it one in a few hundred sounds an octave higher by chance
_LEAST_DELAY = 0.1  # samples, of the all-pass filter: nearer to 0 it rings (Jaffe & Smith, "Tuning")
# The order of examples is drawn by small numbers, and must not follow what they hold.
_SEEDS = {split: (1 << 126) + number for number, split in enumerate(('train', 'validation', 'test'))}


class Loop(NamedTuple):
  """What a string's sample goes through until it is heard again.

  Attributes:
    delay: N, whole samples; half a sample is added by the average, the rest by the all-pass filter.
    allpass: C of the filter (C + z^-1) / (1 + C z^-1), whose delay at the fundamental is that rest.
    loss: rho, by which each round is multiplied.
  """

  delay: int
  allpass: float
  loss: float


def loop(frequency: float, rate: int) -> Loop:
  """That whose fundamental, in Hz, is exactly this at this rate, in samples a second.

  By Jaffe & Smith the delays of all parts add up to the period, each taken at the fundamental, where that of the filter
  is P if C = sin(w (1 - P) / 2) / sin(w (1 + P) / 2); and the loss is what the average, cos(w / 2) of it, leaves to be
  lost. Of high strings at low rates the average alone loses more; they decay sooner.
  """
  period, w = rate / frequency, 2 * math.pi * frequency / rate
  delay = math.floor(period - 0.5 - _LEAST_DELAY)
  rest = period - 0.5 - delay
  allpass = math.sin(w * (1 - rest) / 2) / math.sin(w * (1 + rest) / 2)
  loss = 10 ** (-3 / (frequency * _DECAY)) / math.cos(w / 2)
  return Loop(delay, allpass, min(1.0, loss))


def plucked(split: str, num: int, length: int, rate: int) -> tuple[np.ndarray, np.ndarray]:
  """The first `num` strings of a split, f32[num, length] in [-1, 1], and their pitches, i64[num], which take turns.

  A string is a function of the split, its place and the rate, whatever `num` and `length`: it begins with noise of its
  own, as long as the delay line. That is averaged over neighbours, as by a soft plectrum, has no mean, which would stay
  for long, and is as loud as all others.
  """
  pitch = np.arange(num) % len(PITCHES)
  loops = [loop(frequency, rate) for frequency in PITCHES]
  delay, allpass, loss = (np.array(part)[pitch] for part in zip(*loops, strict=True))
  longest = max(each.delay for each in loops)
  generator = np.random.Generator(np.random.Philox(key=_SEEDS[split]))
  drawn = generator.uniform(-1, 1, (num, longest + 1)).T
  noise, phase = drawn[1:], math.pi * drawn[0]
  place, last = np.arange(longest)[:, None], (delay - 1, np.arange(num))
  for _ in range(_SOFTNESS):
    before = np.concatenate([noise[last][None], noise[:-1]])  # around the line, as in its rounds
    noise = (noise + before) / 2
  noise = noise + _FUNDAMENTAL * np.cos(2 * math.pi * place / delay + phase)
  inside = place < delay
  noise = np.where(inside, noise - np.where(inside, noise, 0).sum(0) / delay, 0)
  noise *= _LOUDEST / np.abs(noise).max(0)
  return np.clip(_rung(noise, delay, allpass, loss, length), -1, 1).T.astype(np.float32), pitch


def _rung(noise, delay, allpass, loss, length):
  """The sound f64[length, N] of strings whose delay lines hold noise f64[longest, N]; those at a time step by step."""
  longest, num = noise.shape
  every = np.arange(num)
  # One sample of silence stands before the first, for the average and the filter.
  line = np.zeros((max(length, longest) + 1, num))
  line[1 : longest + 1] = noise
  averaged_before = filtered = np.zeros(num)
  for place in range(delay.min() + 1, length + 1):
    heard, before = line[np.maximum(place - delay, 0), every], line[np.maximum(place - delay - 1, 0), every]
    averaged = loss * (heard + before) / 2
    filtered = allpass * (averaged - filtered) + averaged_before
    averaged_before = averaged
    rings = place > delay  # others are still in their noise
    filtered, averaged_before = np.where(rings, filtered, 0), np.where(rings, averaged_before, 0)
    line[place] = np.where(rings, filtered, line[place])
  return line[1 : length + 1]
