"""Which compressors there are beside models of text."""

import sys

import pytest

from experiments.autoregressive.compressors import compressed


def test_zstd_is_one_of_them_with_what_models_of_merged_pairs_need():
  if sys.version_info < (3, 14):
    pytest.importorskip('zstandard', reason="needs pip install -e '.[text]'")
  alone, after = compressed(b'seen before ' * 400, b'seen before ' * 400, 4800)['zstd -19']
  assert 0 < alone < 0.1 and after < 0.02
