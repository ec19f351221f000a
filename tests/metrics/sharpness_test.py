import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.sharpness import relative_sharpness, sharpness


def test_one_bright_pixel_by_hand():
  x = np.zeros((1, 4, 4, 1), np.uint8)
  x[0, 1, 1] = 4  # of 5 levels: the inner 2x2 pixels of the Laplacian are -4, 1, 1, 0
  assert sharpness(x, 5) == pytest.approx(np.var([-4, 1, 1, 0]))


def test_a_slope_has_none_and_blur_lowers_it():
  rows = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None], (8, 8, 3))
  assert sharpness(rows[None], 256)[0] == pytest.approx(0, abs=1e-12)

  data = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)
  blurred = ((data.astype(int) + np.roll(data, 1, 1) + np.roll(data, 1, 2)) // 3).astype(np.uint8)
  assert relative_sharpness(data, data, 256) == 1
  assert relative_sharpness(blurred, data, 256) < 0.6


def test_bad_input():
  with pytest.raises(UserError, match='3x3'):
    sharpness(np.zeros((2, 5), np.float32), 0)
  with pytest.raises(UserError, match='one colour'):
    relative_sharpness(np.zeros((2, 4, 4, 1), np.uint8), np.zeros((2, 4, 4, 1), np.uint8), 2)
