import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import transforms

TABLE = {
  'additive': transforms.additive(),
  'sigmoid': transforms.affine(transforms.sigmoid_log_scale),
  'bounded': transforms.affine(transforms.bounded_log_scale(3.0)),
}


@pytest.mark.parametrize('name', TABLE)
def test_log_derivative_is_that_of_autodiff_in_both_directions(name):
  forward, inverse, num_params = TABLE[name]
  rng = jax.random.key(0)
  x, params = jax.random.normal(rng, (6, 3)), jax.random.normal(rng, (6, 3 * num_params))
  for apply, value in ((forward, x), (inverse, forward(x, params)[0])):
    slope = jax.grad(lambda v, apply=apply: apply(v, params)[0].sum())(value)
    np.testing.assert_allclose(apply(value, params)[1], jnp.log(slope), atol=1e-5)
  np.testing.assert_allclose(inverse(forward(x, params)[0], params)[0], x, atol=1e-5)


def test_hand_computed_scales():
  np.testing.assert_allclose(jnp.exp(transforms.sigmoid_log_scale(0.0)), 0.880797, rtol=1e-5)
  np.testing.assert_allclose(transforms.bounded_log_scale(2.0)(1e9), 2.0)
  np.testing.assert_allclose(transforms.bounded_log_scale(2.0)(1e-3), 1e-3, rtol=1e-5)


def test_shift_comes_before_scale_in_the_parameters():
  z, _ = TABLE['bounded'].forward(jnp.array([[1.0, 2.0]]), jnp.array([[10.0, 20.0, 0.0, 0.0]]))
  np.testing.assert_allclose(z, [[11, 22]])
