"""Counts of tokens and of neighbouring pairs, by hand."""

import numpy as np
import pytest

from jaxgen.metrics.features import ngrams


def _entries(row):
  """`{place: share}` of what is not 0, of tokens and of pairs."""
  tokens, pairs = row[: ngrams.WIDTH], row[ngrams.WIDTH :]
  return tuple({int(place): float(part[place]) for place in np.flatnonzero(part)} for part in (tokens, pairs))


@pytest.mark.parametrize(
  ('tokens', 'singles', 'pairs'),
  [
    ([5, 5, 5, 5], {5: 1.0}, {(31 * 5 + 5) % 64: 1.0}),
    ([0, 1, 0, 1], {0: 0.5, 1: 0.5}, {1: 2 / 3, 31: 1 / 3}),  # (0, 1) twice, (1, 0) once
    ([2, 66], {2: 1.0}, {(31 * 2 + 66) % 64: 1.0}),  # 66 = 2 modulo 64
    ([7], {7: 1.0}, {}),  # a single token has no neighbour
  ],
)
def test_shares_of_tokens_and_of_pairs_by_hand(tokens, singles, pairs):
  row = ngrams.frequencies(np.array([tokens], np.int32))[0]
  assert _entries(row) == (pytest.approx(singles), pytest.approx(pairs))


def test_examples_do_not_mix_and_small_types_do_not_overflow():
  x = np.array([[255, 255, 3], [3, 3, 3]], np.uint8)
  rows = ngrams.frequencies(x)
  assert rows.shape == (2, 2 * ngrams.WIDTH) and rows.dtype == np.float32
  np.testing.assert_array_equal(rows[0], ngrams.frequencies(x[:1].astype(np.int64))[0])
  np.testing.assert_array_equal(rows[1], ngrams.frequencies(x[1:])[0])
  np.testing.assert_allclose(rows.sum(1), 2, rtol=1e-6)


def test_the_order_of_two_tokens_shows_in_pairs_alone():
  there, back = ngrams.frequencies(np.array([[3, 9], [9, 3]]))
  np.testing.assert_array_equal(there[: ngrams.WIDTH], back[: ngrams.WIDTH])
  assert (there[ngrams.WIDTH :] != back[ngrams.WIDTH :]).any()
