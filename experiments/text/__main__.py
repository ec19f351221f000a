"""Bits per character of a character model, beside those of gzip, bzip2 and xz on the same characters.

    python -m experiments.text --workdir=runs/charlm_text

A compressor meets the test split alone, or after the training split, which it then has seen as the model has. A model's
windows begin without a past; its number is the mean over all windows of the split.
zstd is in Python's standard library from 3.14 on alone, and one row is no reason for a dependency.
"""

import argparse
import bz2
import gzip
import lzma
import math
import sys

import numpy as np

from jaxgen import data, evaluate, experiment
from jaxgen.errors import UserError

COMPRESSORS = {
  'gzip -9': lambda text: len(gzip.compress(text, 9)),
  'bzip2 -9': lambda text: len(bz2.compress(text, 9)),
  'xz -9e': lambda text: len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)),
}


def compressed(train: bytes, test: bytes, characters: int) -> dict[str, tuple[float, float]]:
  """`{compressor: (bits per character of test alone, and after train)}`."""
  return {
    name: (8 * size(test) / characters, 8 * (size(train + test) - size(train)) / characters)
    for name, size in COMPRESSORS.items()
  }


def main(argv: list[str]) -> int:
  """Prints a table in Markdown; returns the exit code."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--workdir', default='runs/charlm_text')
  try:
    trained = experiment.load(parser.parse_args(argv).workdir)
  except UserError as error:
    print(f'text: {error}', file=sys.stderr)
    return 2
  splits = {split: data.load(trained.config.data, split) for split in ('train', 'test')}
  texts = {
    split: source.vocabulary.decode(source.examples(np.arange(len(source)))['x'].reshape(-1))
    for split, source in splits.items()
  }
  params, extra = list(trained.weights().values())[-1]
  terms = evaluate.evaluator(trained.model, splits['test'], trained.config.batch_size)(params, extra)
  model = terms['loss'] * len(splits['test']) / math.log(2) / len(texts['test'])
  print('| | bits per character, test alone | after the training split |\n| --- | --- | --- |')
  sizes = compressed(*(texts[split].encode() for split in ('train', 'test')), len(texts['test']))
  for name, (alone, after) in sizes.items():
    print(f'| {name} | {alone:.3f} | {after:.3f} |')
  print(f'| {trained.config.module}, step {int(trained.state.step):,} | - | {model:.3f} |')
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
