"""From a source to batches: those of a range of training steps, and those of one pass over a split."""

import os
from collections.abc import Iterator

import numpy as np

from jaxgen.data.order import batch_indices
from jaxgen.data.source import Source
from jaxgen.errors import UserError


def batches(
  source: Source,
  seed: int,
  start: int,
  stop: int,
  batch_size: int,
  process_index: int = 0,
  process_count: int = 1,
) -> Iterator[dict[str, np.ndarray]]:
  """The batches of the steps `start, ..., stop - 1`, read ahead by Grain's threads.

  Args:
    source: where the examples come from.
    seed: chooses their order, see `batch_indices`.
    start: the first step.
    stop: one more than the last step.
    batch_size: over all processes, B.
    process_index: which slice of the batch this process reads.
    process_count: the number of processes, P.

  Yields:
    `{'x': [B / P, ...]}`, and `'label': i32[B / P]` where there are classes.

  Raises:
    UserError: if the batch does not divide among the processes, or an example cannot be read.
  """
  if batch_size % process_count:
    raise UserError(
      f'--config.batch_size={batch_size} does not divide among {process_count} processes; '
      f'set it to a multiple of {process_count}.'
    )
  import grain  # three quarters of a second to import: only for those who stream

  mine = slice(process_index * batch_size // process_count, (process_index + 1) * batch_size // process_count)

  def read(step):
    return source.examples(batch_indices(seed, step, len(source), batch_size)[mine])

  threads = min(16, 2 * (os.cpu_count() or 1))
  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  return iter(grain.MapDataset.range(start, stop).map(read).to_iter_dataset(options))


def eval_batches(source: Source, batch_size: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
  """One pass over a split, in order, in batches of one size.

  The last batch is filled up with its first example; the mask says which are real, so that sums
  weighted by it are exact.

  Yields:
    `(batch, mask)`: `{'x': [B, ...], 'label': i32[B]}` and `f32[B]`, 1 for an example, 0 for filling.
  """
  for start in range(0, len(source), batch_size):
    places = np.arange(start, start + batch_size)
    real = places < len(source)
    yield source.examples(np.where(real, places, start)), real.astype(np.float32)
