import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.bijectors import Scaling


def test_by_hand():
  variables = {'params': {'log_scale': jnp.log(jnp.array([2.0, 0.5, 3.0]))}}
  z, log_det = Scaling().apply(variables, jnp.array([[1.0, 4.0, -1.0]]), method='forward_and_log_det')
  np.testing.assert_allclose(z, [[2, 2, -3]], rtol=1e-6)
  np.testing.assert_allclose(log_det, [np.log(3)], rtol=1e-6)


def test_it_starts_as_the_identity_with_a_scale_for_every_entry():
  x = jnp.ones((2, 3, 4))
  variables = Scaling().init(jax.random.key(0), x, method='forward_and_log_det')
  assert variables['params']['log_scale'].shape == (3, 4)
  np.testing.assert_array_equal(Scaling().apply(variables, x, method='forward_and_log_det')[0], x)
