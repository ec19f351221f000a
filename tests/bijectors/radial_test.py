import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Radial

RNG = jax.random.key(0)


def params(centre, s, t):
  return {'params': {'centre': jnp.array(centre), 's': jnp.array([s]), 't': jnp.array([t])}}


def test_equation_14_by_hand():
  positive = lambda raw: 1e-3 + 0.999 * np.log1p(np.exp(raw) * (np.e - 1))  # noqa: E731
  alpha = positive(0.3)
  beta = alpha * (positive(-0.7) - 1)
  r, offset = 5.0, np.array([[3.0, 4.0]])
  z, log_det = Radial().apply(
    params([1.0, 2.0], -0.7, 0.3), jnp.array([[4.0, 6.0]]), method='forward_and_log_det'
  )
  h, derivative = 1 / (alpha + r), -1 / (alpha + r) ** 2
  np.testing.assert_allclose(z, [[4, 6]] + beta * h * offset, rtol=1e-6)
  expected = np.log(1 + beta * h) + np.log(1 + beta * h + beta * derivative * r)
  np.testing.assert_allclose(log_det, [expected], rtol=1e-4)


def test_it_starts_as_the_identity():
  x = jax.random.normal(RNG, (4, 3))
  (z, log_det), _ = Radial().init_with_output(RNG, x, method='forward_and_log_det')
  np.testing.assert_allclose(z, x, atol=1e-6)
  np.testing.assert_allclose(log_det, 0, atol=1e-6)


@pytest.mark.parametrize('s', [-1e3, -5.0, 5.0, 1e3])
def test_it_inverts_at_its_centre_and_far_away_whatever_its_parameters(s):
  variables = params([1.0, 2.0], s, 0.0)
  x = jnp.array([[1.0, 2.0], [1.0 + 1e-3, 2.0], [0.0, 0.0], [1e4, -1e4]])
  z, log_det = Radial().apply(variables, x, method='forward_and_log_det')
  again, log_det_back = Radial().apply(variables, z, method='inverse_and_log_det')
  np.testing.assert_allclose(again, x, rtol=1e-4, atol=1e-3)
  np.testing.assert_allclose(log_det_back, -log_det, rtol=1e-3, atol=1e-3)


def test_gradients_at_the_centre_are_finite():
  def total(x):
    z, log_det = Radial().apply(params([1.0, 2.0], 1.0, 0.0), x, method='forward_and_log_det')
    return z.sum() + log_det.sum()

  x = jnp.array([[1.0, 2.0]])
  assert np.all(np.isfinite(jax.grad(total)(x))) and np.all(np.isfinite(jax.hessian(total)(x)))
