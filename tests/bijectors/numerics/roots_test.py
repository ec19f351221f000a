import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors.numerics.positive import positive
from jaxgen.bijectors.numerics.roots import increasing_root


def cube_root(y):
  return increasing_root(lambda x: x**3 - y, -1 - jnp.abs(y), 1 + jnp.abs(y))


def test_the_root_is_found_to_the_last_digits_in_either_type():
  y = np.array([-1e6, -8.0, -1.0, 0.0, 1e-3, 2.0, 1e6])
  np.testing.assert_allclose(jax.jit(cube_root)(jnp.float32(y)), np.cbrt(y), rtol=1e-6, atol=2e-3)
  with jax.enable_x64(True):
    np.testing.assert_allclose(jax.jit(cube_root)(jnp.float64(y)), np.cbrt(y), rtol=1e-14, atol=1e-5)


def test_its_derivatives_are_those_of_the_implicit_function():
  y = 2.0
  first, second = jax.grad(cube_root), jax.grad(jax.grad(cube_root))
  np.testing.assert_allclose(first(y), y ** (-2 / 3) / 3, rtol=1e-5)
  np.testing.assert_allclose(second(y), -2 / 9 * y ** (-5 / 3), rtol=1e-5)
  np.testing.assert_allclose(
    jax.vmap(second)(jnp.array([y, 3.0])), -2 / 9 * np.array([y, 3.0]) ** (-5 / 3), rtol=1e-5
  )


@pytest.mark.parametrize('offset', [-40.0, -0.3, 0.0, 0.3, 40.0])
def test_a_step_is_found_where_newton_alone_would_leave(offset):
  """Almost flat on both sides: Newton's steps from there are hundreds long."""
  root = increasing_root(
    lambda x: jnp.tanh(50 * (x - offset)) + 1e-3 * (x - offset), jnp.float32(-100), jnp.float32(90)
  )
  np.testing.assert_allclose(root, offset, atol=1e-5)


def test_a_root_at_the_end_of_its_bracket_is_found():
  np.testing.assert_allclose(increasing_root(lambda x: x - 1, jnp.ones(2), jnp.array([1.0, 3.0])), 1)


def test_positive_is_one_at_zero_and_never_zero():
  x = jnp.array([-1e4, -10.0, 0.0, 1e4])
  np.testing.assert_allclose(positive(x)[jnp.array([0, 2, 3])], [1e-3, 1, 0.999e4 + 1.54], rtol=1e-4)
  assert np.all(np.diff(positive(x)) > 0)
