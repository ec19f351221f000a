import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import ScaleShift


def test_by_hand():
  z, log_det = ScaleShift(-2.0, 1.0).apply({}, jnp.array([[1.0, 3.0]]), method='forward_and_log_det')
  np.testing.assert_array_equal(z, [[-1, -5]])
  np.testing.assert_allclose(log_det, [2 * np.log(2)], rtol=1e-6)


@pytest.mark.parametrize(('scale', 'shift'), [(0, 0.0), (float('inf'), 0.0), (1.0, float('nan'))])
def test_constants_without_an_inverse_are_refused(scale, shift):
  with pytest.raises(ValueError, match='have no inverse'):
    ScaleShift(scale, shift)
