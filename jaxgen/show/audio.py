"""Sound as a person looks at it, waveforms above their spectrograms, and as a person hears it, a wav file."""

import math
import wave
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen import files, mu_law
from jaxgen.show import images

# Pixels of a tile; its axes stand to the left and beneath.
_WIDE, _WAVE, _SPECTRUM, _LEFT, _FOOT, _GAP = 192, 48, 80, 40, 18, 6
_FRAME, _DECIBELS = 256, 70.0  # samples of a Hann window, at most; below the loudest all is dark
_SILENCE = 0.25  # seconds, between two sounds of a file
_COLOURS = np.array([(0, 0, 8), (60, 15, 110), (150, 45, 120), (235, 90, 80), (253, 230, 160)], float)
_INK, _AXES = (64, 96, 192), (90, 90, 90)


def loudness(x: np.ndarray, levels: int) -> np.ndarray:
  """What sounds i or f[N, T, C] of a field are as f32[N, T, C] in [-1, 1]: codes are expanded."""
  return mu_law.decode(x, levels) if levels else np.clip(x, -1, 1).astype(np.float32)


def tiles(x: np.ndarray, rate: int, columns: int | None = None) -> np.ndarray:
  """Sounds, f32[N, T, C] in [-1, 1] at `rate` Hz, in a grid; uint8[height, width, 3].

  Each is its waveform, from -1 to 1 whatever its loudness, above its spectrogram over all frequencies up to half the
  rate, in decibels below the loudest of all the sounds. Of several channels the mean is drawn.
  """
  sounds = np.asarray(x, np.float32).mean(2)
  decibels = [spectrogram(sound) for sound in sounds]
  loudest = max(part.max() for part in decibels)
  frame = _axes(len(sounds[0]) / rate, rate)
  drawn = []
  for sound, part in zip(sounds, decibels, strict=True):
    tile = frame.copy()
    inside = slice(_LEFT, _LEFT + _WIDE)
    tile[_GAP : _GAP + _WAVE, inside] = _waveform(sound)
    top = 2 * _GAP + _WAVE
    tile[top : top + _SPECTRUM, inside] = _coloured(part - loudest)
    drawn.append(tile)
  return images.grid(np.stack(drawn), 256, columns, gap=2)


def spectrogram(sound: np.ndarray) -> np.ndarray:
  """Decibels of a sound f32[T] through Hann windows that overlap, f64[bins, frames], from the highest frequency down.

  A window has 256 samples, or a quarter of the sound where that is less; at its ends it is mirrored.
  """
  size = max(2, min(_FRAME, 1 << max(1, len(sound) // 4).bit_length() - 1))
  hop = max(1, len(sound) // _WIDE)
  padded = np.pad(sound.astype(np.float64), size // 2, mode='symmetric')
  framed = np.lib.stride_tricks.sliding_window_view(padded, size)[:-1:hop]
  hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)
  magnitude = np.abs(np.fft.rfft(framed * hann, axis=1)) * (2 / hann.sum())
  return 20 * np.log10(np.maximum(magnitude, 1e-6)).T[::-1]


def save(x: np.ndarray, rate: int, path: Path) -> None:
  """Writes sounds, f32[N, T, C] in [-1, 1], into one wav file of 16 bits, whole.

  One after the other, in the order of their pictures, with a quarter of a second of silence between two: a person hears
  all of them by one click, and a program finds each at its place.
  """
  silence = np.zeros((pause(rate), x.shape[2]), np.int16)
  parts = []
  for sound in np.rint(np.clip(x, -1, 1) * 32767).astype('<i2'):
    parts += [sound, silence]
  with (
    files.replacing(path) as part,
    open(part, 'wb') as raw,
    wave.open(raw, 'wb') as file,
  ):
    file.setnchannels(x.shape[2])
    file.setsampwidth(2)
    file.setframerate(rate)
    file.writeframes(np.concatenate(parts[:-1]).astype('<i2').tobytes())


def pause(rate: int) -> int:
  """The samples of silence between two sounds of a file."""
  return math.ceil(_SILENCE * rate)


def _waveform(sound):
  """From the least to the greatest sample of each column of pixels; uint8[_WAVE, _WIDE, 3]."""
  edges = np.arange(_WIDE + 1) * len(sound) // _WIDE
  starts = np.minimum(edges[:-1], len(sound) - 1)
  # Each column reaches to the first sample of the next, so that the line is one.
  low, high = (
    np.minimum(np.minimum.reduceat(sound, starts), sound[np.minimum(edges[1:], len(sound) - 1)]),
    np.maximum(np.maximum.reduceat(sound, starts), sound[np.minimum(edges[1:], len(sound) - 1)]),
  )
  rows = np.arange(_WAVE)[:, None]
  top, bottom = (np.rint((1 - value) / 2 * (_WAVE - 1)) for value in (high, low))
  drawn = np.full((_WAVE, _WIDE, 3), 246, np.uint8)
  drawn[(rows >= top) & (rows <= bottom)] = _INK
  return drawn


def _coloured(decibels):
  """uint8[_SPECTRUM, _WIDE, 3] of decibels f64[bins, frames] at most 0."""
  rows = np.arange(_SPECTRUM) * decibels.shape[0] // _SPECTRUM
  columns = np.arange(_WIDE) * decibels.shape[1] // _WIDE
  share = np.clip(1 + decibels[rows][:, columns] / _DECIBELS, 0, 1)
  stops = np.linspace(0, 1, len(_COLOURS))
  return np.rint(np.stack([np.interp(share, stops, part) for part in _COLOURS.T], -1)).astype(np.uint8)


def _axes(seconds, rate):
  """A tile without its sound: uint8[height, width, 3] with the seconds beneath and the frequencies to the left."""
  height = 3 * _GAP + _WAVE + _SPECTRUM + _FOOT
  canvas = Image.new('RGB', (_LEFT + _WIDE + 2 * _GAP, height), 'white')
  draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(10)
  top, bottom = 2 * _GAP + _WAVE, 2 * _GAP + _WAVE + _SPECTRUM
  for y, words, anchor in (
    (_GAP, '1', 'rt'),
    (_GAP + _WAVE, '-1', 'rb'),
    (top, f'{rate / 2:g}', 'rt'),
    ((top + bottom) // 2, 'Hz', 'rm'),
    (bottom, '0', 'rb'),
  ):
    draw.text((_LEFT - 4, y), words, fill=_AXES, font=font, anchor=anchor)
  for x, words, anchor in (
    (_LEFT, '0', 'lt'),
    (_LEFT + _WIDE, f'{seconds:.3g} s', 'rt'),
  ):
    draw.text((x, bottom + 4), words, fill=_AXES, font=font, anchor=anchor)
  return np.asarray(canvas).copy()
