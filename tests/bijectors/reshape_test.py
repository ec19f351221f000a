import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Reshape

FLATTEN = Reshape((2, 2, 1), (4,))


def test_the_order_is_row_major():
  z, log_det = FLATTEN.apply({}, jnp.arange(4.0).reshape(1, 2, 2, 1), method='forward_and_log_det')
  np.testing.assert_array_equal(z, [[0, 1, 2, 3]])
  np.testing.assert_array_equal(log_det, [0])
  assert FLATTEN.latent_shape((2, 2, 1)) == (4,) and FLATTEN.data_shape((4,)) == (2, 2, 1)


def test_shapes_of_other_sizes_are_refused():
  with pytest.raises(ValueError, match=r'\(2, 3\) has not as many numbers as shape \(5,\)'):
    Reshape((2, 3), (5,))


def test_examples_of_another_shape_are_refused():
  with pytest.raises(ValueError, match=r'of shape \(2, 2, 1\) does not fit shape \(4, 1\)'):
    FLATTEN.latent_shape((4, 1))
  for method in ('forward_and_log_det', 'inverse_and_log_det'):
    with pytest.raises(ValueError, match=r'does not fit shape \(4, 1\)'):
      FLATTEN.apply({}, jnp.ones((1, 4, 1)), method=method)
