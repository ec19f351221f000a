import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.modes import label_modes, mixture_modes, share_divergence

_CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_a_mode_is_covered_by_a_sample_within_three_deviations():
  samples = np.array([[0.0, 0.29], [0.0, 0.31], [10.0, 0.0], [0.1, 0.0], [5.0, 5.0]])
  modes = mixture_modes(samples, _CENTRES, std=0.1)
  assert (modes.covered, modes.total) == (2, 3)
  np.testing.assert_allclose(modes.share, [0.4, 0.2, 0.0])
  assert modes.close == pytest.approx(0.6)


def test_samples_of_the_mixture_cover_all_of_it():
  rng = np.random.default_rng(0)
  samples = _CENTRES[rng.integers(3, size=3000)] + rng.normal(0, 0.1, (3000, 2))
  modes = mixture_modes(samples, _CENTRES, 0.1)
  assert modes.covered == 3
  assert modes.close == pytest.approx(1 - np.exp(-4.5), abs=0.01)  # a Rayleigh distance below 3
  assert share_divergence(modes.share, np.full(3, 1 / 3)) < 0.01


def test_a_class_needs_a_tenth_of_an_equal_share():
  labels = np.repeat([0, 1, 2], [90, 8, 2])
  modes = label_modes(labels, 4)
  assert (modes.covered, modes.total) == (2, 4)
  np.testing.assert_allclose(modes.share, [0.9, 0.08, 0.02, 0])


def test_divergence_by_hand():
  assert share_divergence([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))
  assert share_divergence([0.25, 0.75], [0.25, 0.75]) == pytest.approx(0)
  assert np.isfinite(share_divergence([0.5, 0.5], [1, 0]))


def test_bad_input():
  with pytest.raises(UserError, match='do not fit'):
    mixture_modes(np.zeros((4, 3)), _CENTRES, 0.1)
