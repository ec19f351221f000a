"""Files are counted and read back as they are, and a quality is chosen that keeps to the bits."""

import numpy as np
import pytest

from experiments.codes import compression
from jaxgen.types import Field


def _images(num=7, channels=1):
  x = np.arange(20)
  waves = 127 + 100 * np.sin(x[:, None] / 3 + np.arange(num)[:, None, None]) * np.cos(x / 4)
  return np.repeat(waves[..., None], channels, -1).astype(np.uint8)


@pytest.mark.parametrize('channels', [1, 3])
def test_a_sheet_is_cut_into_its_images(channels):
  images = _images(channels=channels)
  whole = compression.sheet(images)
  assert whole.shape == (96, 96, channels)  # nine cells of 32 pixels
  np.testing.assert_array_equal(compression.cut(whole, images.shape), images)


@pytest.mark.parametrize('channels', [1, 3])
def test_png_loses_nothing_and_a_file_of_its_own_has_a_header_of_its_own(channels):
  row = compression.as_file(_images(channels=channels), 'PNG')
  assert row.error == 0 and row.alone > row.bits > 0


@pytest.mark.parametrize('form', ['WebP', 'JPEG'])
def test_the_best_quality_is_chosen_that_takes_no_more_bits(form):
  images, rows = _images(), []
  for bits in (900, 1200):
    rows.append(compression.within(images, form, bits))
    quality = int(rows[-1].name.rpartition(' ')[2])
    assert rows[-1].bits <= bits < compression.as_file(images, form, quality=quality + 1).bits
  assert rows[1].error < rows[0].error


def test_codes_cost_their_logarithm():
  assert compression.bits_of_codes(Field('tokens', (7, 7), 128)) == 343
  levels = {'top': Field('tokens', (2, 2), 16), 'bottom': Field('tokens', (4, 4), 8)}
  assert compression.bits_of_codes(levels) == 4 * 4 + 16 * 3


def test_half_of_the_pixels_wrong_by_half():
  images = np.zeros((2, 1, 2, 1), np.uint8)
  assert compression.error(images, images + np.array([[51], [0]], np.uint8)) == pytest.approx(0.02)
