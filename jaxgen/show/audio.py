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
_QUIET = -30.0  # decibels; what is not as loud is drawn as if something else were, so that silence is dark
_FINEST = 512  # levels whose quietest codes differ in 16 bits; of 65,536 they do in 32
_SILENCE = 0.25  # seconds, between two sounds of a file
_COLOURS = np.array([(0, 0, 8), (60, 15, 110), (150, 45, 120), (235, 90, 80), (253, 230, 160)], float)
_INK, _SURPRISE, _AXES = (64, 96, 192), (226, 88, 34), (90, 90, 90)


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
  loudest = max(_QUIET, *(part.max() for part in decibels))
  lower = [_coloured(part - loudest) for part in decibels]
  return _grid(sounds, lower, rate, (f'{rate / 2:g}', 'Hz'), columns)


def surprising(x: np.ndarray, bits: np.ndarray, rate: int, columns: int | None = None) -> np.ndarray:
  """Sounds as in `tiles`, above the bits f[N, T] by which each sample surprised a model; uint8[height, width, 3].

  A column of pixels has the mean of its samples; all the sounds have one scale.
  """
  sounds = np.asarray(x, np.float32).mean(2)
  means = [_means(row) for row in np.maximum(bits, 0)]
  most = max(1, math.ceil(max(row.max() for row in means)))
  rows = np.arange(_SPECTRUM, 0, -1)[:, None]
  lower = []
  for row in means:
    part = np.full((_SPECTRUM, _WIDE, 3), 246, np.uint8)
    part[rows <= np.rint(row / most * _SPECTRUM)] = _SURPRISE
    lower.append(part)
  return _grid(sounds, lower, rate, (str(most), 'bits'), columns)


def _grid(sounds, lower, rate, words, columns):
  """Waveforms f32[T] above other panels, uint8[_SPECTRUM, _WIDE, 3], of which `words` are the top and the unit."""
  frame = _axes(len(sounds[0]) / rate, words)
  inside, top = slice(_LEFT, _LEFT + _WIDE), 2 * _GAP + _WAVE
  drawn = []
  for sound, part in zip(sounds, lower, strict=True):
    tile = frame.copy()
    tile[_GAP : _GAP + _WAVE, inside] = _waveform(sound)
    tile[top : top + _SPECTRUM, inside] = part
    drawn.append(tile)
  return images.grid(np.stack(drawn), 256, columns, gap=2)


def _means(row):
  """Of the numbers f[T] that belong to each column of pixels, f64[_WIDE]."""
  edges = np.arange(_WIDE + 1) * len(row) // _WIDE
  sums = np.concatenate([[0.0], row.astype(np.float64).cumsum()])
  starts = np.minimum(edges[:-1], len(row) - 1)
  ends = np.maximum(edges[1:], starts + 1)
  return (sums[ends] - sums[starts]) / (ends - starts)


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


def save(x: np.ndarray, rate: int, path: Path, levels: int = 0) -> None:
  """Writes sounds, f32[N, T, C] in [-1, 1], into one wav file, whole: of 16 bits, or of 32 above 512 levels.

  One after the other, in the order of their pictures, with a quarter of a second of silence between two: a person hears
  all of them by one click, and a program finds each at its place. Codes of `levels` that are decoded,
  written, read and encoded again are the same; 0: of no levels.
  """
  width = 2 if levels <= _FINEST else 4
  most = 2 ** (8 * width - 1)
  whole = np.clip(np.rint(np.asarray(x, np.float64) * most), -most, most - 1).astype(f'<i{width}')
  silence = np.zeros((pause(rate), x.shape[2]), whole.dtype)
  parts = []
  for sound in whole:
    parts += [sound, silence]
  with (
    files.replacing(path) as part,
    open(part, 'wb') as raw,
    wave.open(raw, 'wb') as file,
  ):
    file.setnchannels(x.shape[2])
    file.setsampwidth(width)
    file.setframerate(rate)
    file.writeframes(np.concatenate(parts[:-1]).tobytes())


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


def _axes(seconds, words):
  """A tile without its sound: uint8[height, width, 3] with the seconds beneath, and to the left of the lower panel its
  top and its unit in words."""
  height = 3 * _GAP + _WAVE + _SPECTRUM + _FOOT
  canvas = Image.new('RGB', (_LEFT + _WIDE + 2 * _GAP, height), 'white')
  draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(10)
  top, bottom = 2 * _GAP + _WAVE, 2 * _GAP + _WAVE + _SPECTRUM
  left, right = _LEFT - 4, _LEFT + _WIDE
  for place, text, anchor in (
    ((left, _GAP), '1', 'rt'),
    ((left, _GAP + _WAVE), '-1', 'rb'),
    ((left, top), words[0], 'rt'),
    ((left, (top + bottom) // 2), words[1], 'rm'),
    ((left, bottom), '0', 'rb'),
    ((_LEFT, bottom + 4), '0', 'lt'),
    ((right, bottom + 4), f'{seconds:.3g} s', 'rt'),
  ):
    draw.text(place, text, fill=_AXES, font=font, anchor=anchor)
  return np.asarray(canvas).copy()
