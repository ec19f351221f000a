"""What texts are compared by where no network knows their language: how often tokens and pairs of them occur."""

import numpy as np

WIDTH = 64  # numbers for tokens, and as many for pairs


def frequencies(x: np.ndarray) -> np.ndarray:
  """The share of each token among all, and of each pair of neighbours among pairs, by their numbers modulo `WIDTH`.

  Args:
    x: integers [N, ...], tokens.

  Returns:
    f32[N, 2 WIDTH]
  """
  x = np.asarray(x).reshape(len(x), -1).astype(np.int64)
  pairs = x[:, :-1] * 31 + x[:, 1:]  # a prime: the two orders of two tokens differ
  return np.concatenate([_shares(x % WIDTH), _shares(pairs % WIDTH)], axis=1)


def _shares(numbers):
  counts = np.zeros((len(numbers), WIDTH), np.float32)
  np.add.at(counts, (np.arange(len(numbers))[:, None], numbers), 1)
  return counts / max(1, numbers.shape[1])
