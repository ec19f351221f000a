"""The ends of the elementwise maps: what is there, and what lies beyond."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Exp, LeakyReLU, Softplus, Tanh, conditional_affine


def both(bijector, x):
  z, log_det = bijector.apply({}, x, method='forward_and_log_det')
  again, log_det_back = bijector.apply({}, z, method='inverse_and_log_det')
  return z, log_det, again, log_det_back


def test_log_derivatives_do_not_cancel_in_the_tails():
  x = jnp.array([[-1e3], [-20.0], [20.0], [1e3]])
  tails = 2 * (np.log(2) - np.abs(x[:, 0]))
  np.testing.assert_allclose(both(Tanh(), x)[1], tails, rtol=1e-6)
  np.testing.assert_allclose(both(Softplus(), x)[1], [-1e3, -20, -np.exp(-20), 0], rtol=1e-5)
  np.testing.assert_allclose(both(Exp(), x)[1], x[:, 0])
  np.testing.assert_allclose(both(LeakyReLU(0.1), x)[1], np.log([0.1, 0.1, 1, 1]), rtol=1e-6)


def test_a_tangent_that_was_rounded_to_one_comes_back_finite():
  _, _, again, log_det_back = both(Tanh(), jnp.array([[-1e4, 1e4]]))
  assert np.all(np.abs(again) > 8) and np.all(np.isfinite(again)) and np.isfinite(log_det_back)


def test_small_values_of_softplus_lead_back():
  x = jnp.array([[-80.0, -30.0, -1.0, 0.0, 1.0, 30.0, 1e4]])
  np.testing.assert_allclose(both(Softplus(), x)[2], x, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(('bijector', 'outside'), [(Exp(), -1.0), (Softplus(), -1.0), (Tanh(), 1.5)])
def test_what_lies_outside_is_nan_and_not_a_number_that_looks_right(bijector, outside):
  x, _ = bijector.apply({}, jnp.array([[outside]]), method='inverse_and_log_det')
  assert np.all(np.isnan(x))


@pytest.mark.parametrize('slope', [0.0, -1.0, float('inf'), float('nan')])
def test_a_slope_without_an_inverse_is_refused(slope):
  with pytest.raises(ValueError, match='has no inverse: it must be positive and finite'):
    LeakyReLU(slope)


def test_a_scale_and_shift_for_each_class():
  table = jnp.array([[1.0, 0.0], [2.0, np.log(3.0)]])  # shift, s
  bijector = conditional_affine(lambda zeros, label: table[label])
  z, log_det = bijector.apply({}, jnp.array([[5.0], [5.0]]), jnp.array([0, 1]), method='forward_and_log_det')
  scale = 10 * np.tanh(np.log(3) / 10)
  np.testing.assert_allclose(z, [[6], [7 * np.exp(scale)]], rtol=1e-6)
  np.testing.assert_allclose(log_det, [0, scale], rtol=1e-6)


def test_the_derivative_of_a_kink_is_finite():
  total = lambda x: sum(part.sum() for part in LeakyReLU().apply({}, x, method='forward_and_log_det'))  # noqa: E731
  assert np.all(np.isfinite(jax.grad(total)(jnp.zeros((1, 2)))))
