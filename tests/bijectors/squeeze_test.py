import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Squeeze


def test_a_block_of_pixels_becomes_the_channels_of_one():
  x = jnp.arange(16.0).reshape(1, 4, 4, 1)
  z, log_det = Squeeze().apply({}, x, method='forward_and_log_det')
  np.testing.assert_array_equal(z[0, 0, 0], [0, 1, 4, 5])
  np.testing.assert_array_equal(z[0, 1, 1], [10, 11, 14, 15])
  np.testing.assert_array_equal(log_det, [0])


def test_what_cannot_be_divided_is_refused():
  with pytest.raises(ValueError, match='does not divide the height'):
    Squeeze().apply({}, jnp.ones((1, 3, 4, 1)), method='forward_and_log_det')
  with pytest.raises(ValueError, match='does not divide the channels'):
    Squeeze().apply({}, jnp.ones((1, 2, 2, 6)), method='inverse_and_log_det')
