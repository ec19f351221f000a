"""From a source to batches: those of a range of training steps, and those of one pass over a split."""

import os
from collections.abc import Iterator, Mapping

import numpy as np

from jaxgen.data.source import Places, Source
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
    seed: chooses their order, see `Source.indices`.
    start: the first step.
    stop: one more than the last step.
    batch_size: over all processes, B.
    process_index: which slice of the batch this process reads.
    process_count: the number of processes, P.

  Yields:
    `{name: [B / P, *shape]}`, an array for each field.

  Raises:
    UserError: if the batch does not divide among the processes, or an example cannot be read.
  """
  if batch_size % process_count:
    raise UserError(
      f'--config.batch_size={batch_size} does not divide among {process_count} processes; '
      f'set it to a multiple of {process_count}.'
    )
  import grain  # three quarters of a second to import: only for those who stream

  def read(step):
    places = source.indices(seed, step, batch_size)
    return source.examples(share(places, batch_size, process_index, process_count))

  threads = min(16, 2 * (os.cpu_count() or 1))
  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  return iter(grain.MapDataset.range(start, stop).map(read).to_iter_dataset(options))


def share(places: Places, batch_size: int, process_index: int, process_count: int) -> Places:
  """The places of a batch that are this process's: a slice i32[B / P] of each i32[B]."""
  mine = slice(process_index * batch_size // process_count, (process_index + 1) * batch_size // process_count)
  if isinstance(places, Mapping):
    return {name: index[mine] for name, index in places.items()}
  return places[mine]


def eval_batches(source: Source, batch_size: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
  """One pass over a split, in order, in batches of one size.

  The last batch is filled up from the start of the split, so that terms that depend on other examples of a batch see
  different ones there too; the mask says which are real, so that sums weighted by it are exact.

  Yields:
    `(batch, mask)`: `{name: [B, *shape]}` and `f32[B]`, 1 for an example, 0 for filling.
  """
  for start in range(0, len(source), batch_size):
    places = np.arange(start, start + batch_size)
    real = places < len(source)
    yield source.examples(places % len(source)), real.astype(np.float32)
