"""General compressors on the text that a model is measured on."""

import bz2
import gzip
import importlib
import lzma
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgen import data


class Compressor(NamedTuple):
  """A program that makes a text smaller.

  Attributes:
    name: with its setting.
    size: `bytes -> int`, how many are left of them.
  """

  name: str
  size: Callable[[bytes], int]


class Split(NamedTuple):
  """A split as one text, and that which came before it in training."""

  text: str
  train: str


def there_are() -> list[Compressor]:
  """Those that this Python has. zstd is in its library from 3.14 on, and else where `zstandard` is installed."""
  found = [
    Compressor('gzip -9', lambda text: len(gzip.compress(text, 9))),
    Compressor('bzip2 -9', lambda text: len(bz2.compress(text, 9))),
    Compressor('xz -9e', lambda text: len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))),
  ]
  for library, compress in (
    ('compression.zstd', lambda zstd, text: zstd.compress(text, 19)),
    ('zstandard', lambda zstd, text: zstd.ZstdCompressor(19).compress(text)),
  ):
    try:
      zstd = importlib.import_module(library)
    except ImportError:
      continue
    return [*found, Compressor('zstd -19', lambda text, zstd=zstd, run=compress: len(run(zstd, text)))]
  return found


def compressed(train: bytes, held_out: bytes, characters: int) -> dict[str, tuple[float, float]]:
  """`{compressor: (bits per character of the held-out text alone, and after train)}`.

  After the training split a compressor has seen what a model has: the bits are those that the second text adds.
  """
  return {
    name: (8 * size(held_out) / characters, 8 * (size(train + held_out) - size(train)) / characters)
    for name, size in there_are()
  }


def split_of(config, split: str) -> Split:
  """The windows of a split of `config.data`, one after the other, as text.

  Raises:
    UserError: if it cannot be read.
  """
  sources = {each: data.load(config.data, each) for each in ('train', split)}
  texts = {each: decoded(source) for each, source in sources.items()}
  return Split(texts[split], texts['train'])


def decoded(source: data.Source) -> str:
  """All tokens of a source as one text; what fills examples up is none."""
  assert source.vocabulary is not None
  examples = source.examples(np.arange(len(source)))
  there = examples['observed'] != 0 if 'observed' in examples else np.ones(examples['x'].shape, bool)
  return source.vocabulary.decode(examples['x'][there])
