"""The order of the examples: which of them a training step sees, as a pure function of (seed, step)."""

import functools

import numpy as np

# Added to a seed: a stream of random numbers that no order is drawn by. An epoch sorts the examples by the raw numbers
# of its stream, the first epoch of a run by that of its small seed; draws whose first numbers are one for each example,
# as which component it is of, would be sorted by them.
APART = 1 << 127


def batch_indices(seed: int, step: int, num_examples: int, batch_size: int, stream: int = 0) -> np.ndarray:
  """The examples of one training step.

  The training set is gone through epoch after epoch, each in an order of its own, and step `k` takes the
  places `[k B, (k + 1) B)` of that endless sequence. So a batch may run across the end of an epoch, no
  example is ever left out, and any step can be asked for alone.

  Grain's shuffle computes one index at a time on the host, 8.6 us each, which is more than a small model's
  whole step. Here an epoch costs one sort, about 4 ms for 50,000 examples, and a batch one slice of it.

  Args:
    seed: chooses the sequence.
    step: counted from 0.
    num_examples: the size of the training set, N.
    batch_size: the number of examples, B; it may be larger than N.
    stream: of several sequences, independent of each other: one for each domain of an unpaired set.

  Returns:
    i32[B], values in `[0, N)`.
  """
  start, stop = int(step) * batch_size, (int(step) + 1) * batch_size
  parts = []
  while start < stop:
    epoch, place = divmod(start, num_examples)
    count = min(stop - start, num_examples - place)
    parts.append(permutation(int(seed), epoch, num_examples, stream)[place : place + count])
    start += count
  return parts[0] if len(parts) == 1 else np.concatenate(parts)


@functools.lru_cache(maxsize=8)
def permutation(seed: int, epoch: int, num_examples: int, stream: int = 0) -> np.ndarray:
  """The order of one epoch of a stream: i32[N], read-only, the same in every version of NumPy.

  `Generator.permutation` may change from one NumPy release to the next, the stream of a bit generator may
  not; hence the sort of raw numbers.
  """
  key = np.array([seed % 2**64, epoch % 2**64], dtype=np.uint64)
  numbers = np.random.Philox(key=key, counter=[0, 0, 0, stream]).random_raw(num_examples)
  order = np.argsort(numbers, kind='stable').astype(np.int32)
  order.flags.writeable = False
  return order
