import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.statistics import minibatch_stddev, pixel_norm


def test_a_normalized_pixel_has_squares_of_mean_one_and_its_direction():
  x = 7 * jax.random.normal(jax.random.key(0), (2, 3, 3, 5))
  y = pixel_norm(x)
  np.testing.assert_allclose(jnp.square(y).mean(-1), 1.0, rtol=1e-5)
  np.testing.assert_allclose(y / x, jnp.broadcast_to((y / x)[..., :1], x.shape), rtol=1e-5)
  assert np.isfinite(jax.grad(lambda x: pixel_norm(x).sum())(jnp.zeros((1, 4)))).all()


@pytest.mark.parametrize(('batch', 'size'), [(8, 4), (6, 3), (5, 1), (3, 3)])
def test_the_further_channel_says_how_far_the_examples_of_a_group_are_apart(batch, size):
  x = jax.random.normal(jax.random.key(0), (batch, 2, 2, 3))
  y = minibatch_stddev(x)
  np.testing.assert_array_equal(y[..., :3], x)
  group = np.asarray(x)[:: batch // size]  # the first example's
  expected = np.sqrt(group.var(0) + 1e-8).mean()
  np.testing.assert_allclose(y[0, :, :, 3], np.full((2, 2), expected), rtol=1e-5)


def test_without_variety_the_channel_is_zero_and_its_gradient_finite():
  x = jnp.ones((4, 2, 2, 3))
  np.testing.assert_allclose(minibatch_stddev(x)[..., 3], 0.0, atol=1e-3)
  assert np.isfinite(jax.grad(lambda x: minibatch_stddev(x).sum())(x)).all()
