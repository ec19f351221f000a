import numpy as np
import pytest

from jaxgen.uses.score_field import blurred


@pytest.mark.parametrize('sigma', [0.01, 1.0, 3.0])
def test_a_blurred_point_is_a_gaussian_of_the_same_mass(sigma):
  point = np.zeros((41, 41))
  point[20, 20] = 1
  spread, places = blurred(point, sigma), np.arange(41) - 20
  assert spread.sum() == pytest.approx(1, abs=1e-6)
  assert (spread * places**2).sum() == pytest.approx(sigma**2 if sigma >= 1 else 0, rel=1e-3, abs=1e-9)
