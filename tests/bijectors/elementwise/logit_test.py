import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Logit


def test_by_hand():
  z, log_det = Logit(alpha=0.1).apply({}, jnp.array([[0.5, 1.0]]), method='forward_and_log_det')
  np.testing.assert_allclose(z, [[0, np.log(0.9 / 0.1)]], rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(log_det, [2 * np.log(0.8) - np.log(0.25) - np.log(0.09)], rtol=1e-5)


def test_the_border_of_the_cube_and_far_latents_are_finite():
  layer = Logit()
  z, log_det = layer.apply({}, jnp.array([[0.0, 1.0]]), method='forward_and_log_det')
  assert np.all(np.isfinite(z)) and np.isfinite(log_det)
  x, log_det = layer.apply({}, jnp.array([[-1e4, 1e4]]), method='inverse_and_log_det')
  assert np.all(np.isfinite(x)) and np.isfinite(log_det)


def test_without_an_alpha_the_ends_are_finite_too():
  """Uniform noise on a black pixel is 0 once in eight million draws, and one nan ends a training."""
  loss = lambda x: sum(map(jnp.sum, Logit(0.0).apply({}, x, method='forward_and_log_det')))  # noqa: E731
  value, slope = jax.value_and_grad(loss)(jnp.array([[0.0, 0.5, 1.0]]))
  assert np.isfinite(value) and np.all(np.isfinite(slope))


@pytest.mark.parametrize('alpha', [-0.1, 0.5, 0.6, float('nan')])
def test_an_alpha_without_an_inverse_is_refused(alpha):
  with pytest.raises(ValueError, match=r'alpha must be in \[0, 0.5\)'):
    Logit(alpha)
