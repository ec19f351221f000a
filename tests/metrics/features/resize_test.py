import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.features.resize import bilinear_tf1, to_bytes


def _pixel_by_pixel(image, size):
  """TensorFlow 1's kernel, written out."""
  height, width, channels = image.shape
  out = np.zeros((size, size, channels))
  for i in range(size):
    for j in range(size):
      y, x = i * height / size, j * width / size
      top, left = int(y), int(x)
      bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
      upper = image[top, left] + (image[top, right] - image[top, left]) * (x - left)
      lower = image[bottom, left] + (image[bottom, right] - image[bottom, left]) * (x - left)
      out[i, j] = upper + (lower - upper) * (y - top)
  return out


@pytest.mark.parametrize('shape', [(8, 5, 3), (40, 33, 1), (17, 17, 2)])
def test_equals_tensorflow_1_pixel_by_pixel(shape):
  images = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype(np.float32)
  ours = bilinear_tf1(jnp.asarray(images), 17)
  for image, resized in zip(images, ours, strict=True):
    np.testing.assert_allclose(resized, _pixel_by_pixel(image, 17), rtol=1e-5, atol=1e-3)


def test_corners_of_pixels_are_aligned_not_centres():
  row = jnp.array([0.0, 10.0])[None, :, None, None] * jnp.ones((1, 2, 2, 1))
  np.testing.assert_allclose(bilinear_tf1(row, 4)[0, :, 0, 0], [0, 5, 10, 10])


def test_grey_levels_become_bytes_of_three_colours():
  x = np.arange(17, dtype=np.uint8).reshape(1, 17, 1, 1)
  out = to_bytes(x, 17)
  assert out.dtype == np.uint8
  assert out.shape == (1, 17, 1, 3)
  np.testing.assert_array_equal(out[0, :, 0, 0], np.round(np.arange(17) * 255 / 16))
  photo = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
  np.testing.assert_array_equal(to_bytes(photo, 256), photo)


@pytest.mark.parametrize(
  ('x', 'levels', 'said'),
  [
    (np.zeros((2, 4, 4, 2), np.uint8), 256, r'shape \[N, H, W, 1 or 3\]'),
    (np.zeros((2, 4), np.uint8), 256, 'shape'),
    (np.zeros((2, 4, 4, 3), np.float32), 256, 'quantize'),
    (np.full((2, 4, 4, 1), 17, np.uint8), 17, r'values in \[0, 17\), but there are some from 17 to 17'),
  ],
)
def test_images_of_another_size_or_range_are_refused(x, levels, said):
  with pytest.raises(UserError, match=said):
    to_bytes(x, levels)
