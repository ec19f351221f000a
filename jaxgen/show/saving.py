"""Pictures as files, whole or absent."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgen import files


def save_png(image: np.ndarray, path: Path) -> None:
  """Writes uint8[height, width, 3], whole or not at all."""
  with files.replacing(path) as part:
    Image.fromarray(image).save(part, format='PNG')


def save_gif(frames: Sequence[np.ndarray], path: Path, seconds: float = 6.0) -> None:
  """Writes frames, uint8[height, width, 3], as a GIF of about `seconds` that rests on its last frame.

  Smaller ones, pages of shorter text say, have a white margin to the right and beneath.
  """
  height, width = np.max([frame.shape[:2] for frame in frames], axis=0)
  filled = [
    np.pad(frame, [(0, height - len(frame)), (0, width - frame.shape[1]), (0, 0)], constant_values=255)
    for frame in frames
  ]
  images = [Image.fromarray(frame).convert('P', palette=Image.Palette.ADAPTIVE) for frame in filled]
  each = int(np.clip(1000 * seconds / len(images), 40, 500))
  durations = [each] * (len(images) - 1) + [1500]
  with files.replacing(path) as part:
    images[0].save(part, format='GIF', save_all=True, append_images=images[1:], duration=durations, loop=0)


def gif_of_pngs(pattern: str, folder: Path, path: Path) -> None:
  """Strings `<folder>/<pattern>` together, in the order of their names, into a GIF."""
  frames = [np.asarray(Image.open(file).convert('RGB')) for file in sorted(Path(folder).glob(pattern))]
  frames = [frame for frame in frames if frame.shape == frames[-1].shape]
  if frames:
    save_gif(frames, path)
