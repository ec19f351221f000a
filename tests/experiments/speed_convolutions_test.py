"""The benchmark of convolutions: that its workers compute what they say, and what a row of the table says."""

import jax
import numpy as np
import pytest

from experiments.speed import convolutions
from jaxgen.nn import conv


def test_a_row_says_time_throughput_and_ratio():
  times = {'jaxgen': 0.002, 'XLA': 0.004, 'PyTorch': 0.001}
  row = convolutions.line((16, 28, 16, 16), 'k', times)
  # 2 * 16 * 28^2 * 9 * 16 * 16 = 57.8 million operations
  assert row == '| 16x28x28x16 to 16 | gradient of the kernel | 2 (29) | 4 (14) | 1 (58) | **2.00** |'


@pytest.mark.parametrize('wanted', convolutions.WANTED)
def test_the_side_of_jax_times_the_array_that_is_wanted(wanted):
  from experiments.speed import convolutions_jax as side

  x, k, y = (
    np.random.default_rng(0).normal(size=s).astype(np.float32)
    for s in ((2, 4, 4, 3), (3, 3, 3, 5), (2, 4, 4, 5))
  )
  ours, plain = (side.function(form, wanted)(x, k, y) for form in (conv, side.plain))
  np.testing.assert_allclose(ours, plain, atol=1e-4)
  assert ours.shape == {'x': x, 'k': k, 'y': y}[wanted].shape and isinstance(ours, jax.Array)
