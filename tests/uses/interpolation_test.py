import jax.numpy as jnp
import numpy as np

from jaxgen.uses.interpolation import interpolate


def test_interpolation_begins_and_ends_at_the_ends_and_stays_on_the_sphere():
  rng = np.random.RandomState(0)
  first, second = ({'a': rng.randn(3, 50), 'b': rng.randn(3, 5, 10)} for _ in range(2))
  between = interpolate(first, second, 5)
  np.testing.assert_allclose(between['a'][:3], first['a'], atol=1e-5)
  np.testing.assert_allclose(between['b'][-3:], second['b'], atol=1e-5)
  flat = np.concatenate([between['a'].reshape(15, -1), between['b'].reshape(15, -1)], -1)
  norms = np.linalg.norm(flat, axis=-1).reshape(5, 3)
  assert (norms > 0.95 * norms[[0, -1]].min(0)).all()  # the straight line would come down to 0.7


def test_interpolation_between_equal_latents_is_no_nan():
  z = jnp.ones((2, 4))
  np.testing.assert_allclose(interpolate(z, z, 3), np.ones((6, 4)), rtol=1e-3)
