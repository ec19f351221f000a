import numpy as np
import pytest

from jaxgen import mu_law
from jaxgen.metrics.features import spectra


def sine(frequency, phase=0.0, length=1024, loudness=1.0):
  return loudness * np.sin(2 * np.pi * frequency * np.arange(length) / 8000 + phase)[None, :, None]


def test_a_sine_is_in_its_band_whatever_its_phase():
  """Bands are 4,000 / 64 Hz wide; ten times as quiet is a hundredth of the power."""
  rows = [spectra.band_powers(sine(1031.25, phase), 0)[0] for phase in (0, 1, 2)]
  assert rows[0].shape == (128,) and rows[0].dtype == np.float32
  assert rows[0].argmax() in (16, 80)
  np.testing.assert_allclose(rows[0], rows[1], atol=0.2)
  loud, quiet = (spectra.band_powers(sine(1031.25, loudness=part), 0)[0][16] for part in (1.0, 0.1))
  assert loud - quiet == pytest.approx(2, abs=0.01)


def test_the_halves_of_the_time_are_told_apart():
  x = sine(500)
  x[:, 512:] = 0
  first, second = np.split(spectra.band_powers(x, 0)[0], 2)
  assert first.max() > -1
  assert (second == -8).all()


@pytest.mark.parametrize('length', [1, 2, 7, 200, 1024])
def test_codes_are_loudness_and_their_number_is_known(length):
  x = np.broadcast_to(sine(440, length=length), (3, length, 1)).astype(np.float32)
  rows = spectra.band_powers(mu_law.encode(x, 65536), 65536)
  assert rows.shape == (3, spectra.width(length))
  expected = spectra.band_powers(x, 0)
  np.testing.assert_allclose(rows[expected > -5], expected[expected > -5], atol=0.05)
