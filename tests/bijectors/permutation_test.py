import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Permutation, Reverse

X = jnp.array([[10.0, 20.0, 30.0]])


def test_by_hand():
  z, _ = Permutation((2, 0, 1)).apply({}, X, method='forward_and_log_det')
  np.testing.assert_array_equal(z, [[30, 10, 20]])
  z, _ = Reverse().apply({}, X, method='forward_and_log_det')
  np.testing.assert_array_equal(z, [[30, 20, 10]])


@pytest.mark.parametrize('order', [(0, 0, 1), (1, 2, 3)])
def test_what_is_no_permutation_is_refused(order):
  with pytest.raises(ValueError, match='not a permutation'):
    Permutation(order)


@pytest.mark.parametrize('width', [2, 6])
@pytest.mark.parametrize('method', ['forward_and_log_det', 'inverse_and_log_det'])
def test_another_width_is_refused_in_place_of_channels_dropped_or_nan(width, method):
  with pytest.raises(ValueError, match=rf'permutation of {width} channels does not fit .*\(4,\)'):
    Permutation(range(width)).apply({}, jnp.ones((3, 4)), method=method)
