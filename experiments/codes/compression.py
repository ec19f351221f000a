"""Error and bits per image of vector-quantized autoencoders, beside what PNG, WebP and JPEG make of as many bits.

    python -m experiments.codes.compression runs/vqvae_mnist runs/vqvae2_mnist

A code of K costs log2 K bits. The files get the most favourable case: all images on one sheet, each padded with black
to whole blocks of 16 pixels, so that one header is shared by all; WebP and JPEG have the highest quality that takes no
more bits an image than the codes. What an image takes in a file of its own, headers and all, stands beside.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from experiments import arguments
from experiments.arguments import Parser
from jaxgen import data, experiment, fields
from jaxgen.errors import UserError
from jaxgen.runs import best
from jaxgen.types import Field

_BLOCK = 16  # of WebP; JPEG has 8


class Row(NamedTuple):
  """Attributes:
  name: of a run, or of a format and its quality.
  bits: of one image.
  error: mean square, pixels in [0, 1].
  alone: bits of one image in a file of its own; None of codes.
  """

  name: str
  bits: float
  error: float
  alone: float | None = None


def sheet(images: np.ndarray) -> np.ndarray:
  """u8[N, H, W, C] -> u8[rows, columns, C], row by row on a square of cells that are multiples of 16 pixels."""
  num, height, width, channels = images.shape
  side = int(np.ceil(np.sqrt(num)))
  cell = [-(-size // _BLOCK) * _BLOCK for size in (height, width)]
  cells = np.zeros((side * side, *cell, channels), np.uint8)
  cells[:num, :height, :width] = images
  rows = cells.reshape(side, side, *cell, channels).swapaxes(1, 2)
  return rows.reshape(side * cell[0], side * cell[1], channels)


def cut(whole: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """The inverse of `sheet`, of images of this shape, u8[N, H, W, C]."""
  num, height, width, channels = shape
  side = int(np.ceil(np.sqrt(num)))
  rows = whole.reshape(side, whole.shape[0] // side, side, whole.shape[1] // side, channels).swapaxes(1, 2)
  return rows.reshape(side * side, *rows.shape[2:])[:num, :height, :width]


def written(image: np.ndarray, form: str, **settings: int) -> bytes:
  """u8[H, W, C] as a file: 'PNG', 'WebP' or 'JPEG'."""
  file = io.BytesIO()
  Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, form, **settings)
  return file.getvalue()


def as_file(images: np.ndarray, form: str, **settings: int) -> Row:
  """What a format makes of u8[N, H, W, C]."""
  file = written(sheet(images), form, **settings)
  opened = Image.open(io.BytesIO(file)).convert('L' if images.shape[-1] == 1 else 'RGB')
  again = cut(np.asarray(opened).reshape(*opened.size[::-1], images.shape[-1]), images.shape)
  alone = np.mean([len(written(image, form, **settings)) for image in images[:100]])
  quality = f', quality {settings["quality"]}' if settings else ''
  return Row(f'{form}{quality}', 8 * len(file) / len(images), error(images, again), 8 * float(alone))


def within(images: np.ndarray, form: str, bits: float) -> Row:
  """The highest quality that takes no more bits an image, or the lowest there is."""
  low, high = 0 if form == 'WebP' else 1, 95
  while low < high:
    middle = (low + high + 1) // 2
    fits = 8 * len(written(sheet(images), form, quality=middle)) <= bits * len(images)
    low, high = (middle, high) if fits else (low, middle - 1)
  return as_file(images, form, quality=low)


def error(images: np.ndarray, again: np.ndarray) -> float:
  """The mean square, of u8 as numbers in [0, 1]."""
  return float(np.mean(((images.astype(np.float64) - again) / 255) ** 2))


def bits_of_codes(codes: Field | Mapping[str, Field]) -> float:
  """Of one image, where all codes are alike."""
  levels = codes.values() if isinstance(codes, Mapping) else [codes]
  return float(sum(np.prod(field.shape) * np.log2(field.levels) for field in levels))


def of_run(workdir: str, num: int) -> tuple[np.ndarray, Row]:
  """Test images u8[num, H, W, C], and what the codes of a run are of them.

  Raises:
    UserError: if its latents are no codes, or its images have not 256 levels.
  """
  trained = experiment.load(workdir, step='best' if best.read(Path(workdir)) else 'newest')
  model, x = trained.model, fields.of(trained.config)['x']
  if not model.codes or x.levels != 256:
    raise UserError(f'{workdir} makes no codes of images of 256 levels; give a run of vqvae_mnist, say.')
  source = data.load(trained.config.data, 'test')
  batch = source.examples(np.arange(min(num, len(source))))
  params, extra = list(trained.weights().values())[-1]
  given = {name: batch[name] for name in model.given} or None
  codes = jax.jit(model.encode)(params, extra, jax.random.key(0), batch)
  again = np.asarray(jax.jit(model.decode)(params, extra, codes, given))
  return batch['x'], Row(f'codes of {workdir}', bits_of_codes(model.codes), error(batch['x'], again))


def main() -> None:
  """Prints a table for each run.

  Raises:
    UserError: as `of_run`.
  """
  parser = Parser('python -m experiments.codes.compression')
  parser.add_argument('workdirs', nargs='+', help='of vector-quantized autoencoders')
  parser.add_argument('--num', type=arguments.count, default=1000, help='of test images')
  options = parser.parse_args()
  for workdir in options.workdirs:
    images, codes = of_run(workdir, options.num)
    print('| | bits per image | mean square error | bits in a file of its own |\n| --- | --- | --- | --- |')
    files = [within(images, form, codes.bits) for form in ('WebP', 'JPEG')]
    for row in (codes, *files, as_file(images, 'PNG')):
      alone = '' if row.alone is None else f'{row.alone:,.0f}'
      print(f'| {row.name} | {row.bits:,.0f} | {row.error:.5f} | {alone} |')


if __name__ == '__main__':
  arguments.run(main)
