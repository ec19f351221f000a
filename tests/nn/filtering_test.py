import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.filtering import downsampled, smoothed, upsampled

FILTER = np.array([1, 3, 3, 1]) / 8


def filtered(x, padding, stride=1):
  """The definition: a convolution of each channel with the outer product of the filter with itself."""
  kernel = jnp.asarray(np.outer(FILTER, FILTER), jnp.float32)[:, :, None, None]
  return jax.lax.conv_general_dilated(
    x,
    jnp.tile(kernel, (1, 1, 1, x.shape[-1])),
    (stride, stride),
    (padding, padding),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=x.shape[-1],
  )


def spread(x):
  """Every pixel in the corner of a block of zeros."""
  b, h, w, c = x.shape
  return jnp.zeros((b, h, 2, w, 2, c)).at[:, :, 0, :, 0].set(x).reshape(b, 2 * h, 2 * w, c)


@pytest.mark.parametrize('size', [(4, 6), (8, 8)])
def test_it_is_the_filter_before_half_of_the_pixels_go_and_after_zeros_come_between_them(size):
  x = jax.random.normal(jax.random.key(0), (2, *size, 3))
  np.testing.assert_allclose(smoothed(x, (2, 1)), filtered(x, (2, 1)), rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(downsampled(x), filtered(x, (1, 1), 2), rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(upsampled(x), 4 * filtered(spread(x), (2, 1)), rtol=1e-5, atol=1e-6)


def test_flat_images_stay_flat_away_from_the_edge_and_slopes_stay_slopes():
  x = jnp.broadcast_to(jnp.arange(8.0)[None, :, None, None], (1, 8, 8, 1))
  np.testing.assert_allclose(upsampled(x)[0, 2:-2, 4, 0], np.arange(2, 14) / 2 - 0.25)
  np.testing.assert_allclose(downsampled(x)[0, 1:-1, 2, 0], [2.5, 4.5])
