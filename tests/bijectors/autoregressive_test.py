import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Autoregressive, Inverse, transforms
from jaxgen.nn import MADE

RNG = jax.random.key(0)
METHODS = ['scan', 'fixed_point']
BOUNDED = transforms.affine(transforms.bounded_log_scale(2.0))


def tenfold(x):
  """The shift of an element is ten times the one before it."""
  return 10 * jnp.pad(x[:, :-1], ((0, 0), (1, 0)))


def inverse(bijector, z, variables=None):
  return bijector.apply(variables or {}, z, method='inverse_and_log_det')


@pytest.mark.parametrize('method', METHODS)
def test_hand_computed_and_exact_where_every_element_hangs_on_the_one_before(method):
  bijector = Autoregressive(tenfold, transforms.additive(), method=method)
  x = jnp.array([[1.0, 2.0, 3.0, 4.0]])
  z, _ = bijector.apply({}, x, method='forward_and_log_det')
  np.testing.assert_array_equal(z, [[1, 12, 23, 34]])
  np.testing.assert_array_equal(inverse(bijector, z)[0], x)


@pytest.mark.parametrize('method', METHODS)
def test_the_order_is_that_of_the_conditioner(method):
  order = (2, 0, 1)  # said once: a scan that went another way would come to other numbers
  bijector = Autoregressive(MADE((4,), 2, order), BOUNDED, method=method)
  x = jax.random.normal(RNG, (5, 3))
  variables = jax.tree.map(lambda p: p + 0.3, bijector.init(RNG, x, method='forward_and_log_det'))
  z, log_det = bijector.apply(variables, x, method='forward_and_log_det')
  again, back = inverse(bijector, z, variables)
  np.testing.assert_allclose(again, x, atol=1e-5)
  np.testing.assert_allclose(back, -log_det, atol=1e-5)


def test_both_ways_back_have_the_same_first_and_second_derivatives():
  z = jax.random.normal(RNG, (3, 4))
  variables = Autoregressive(MADE((6,), 2), BOUNDED).init(RNG, z, method='inverse_and_log_det')
  variables = jax.tree.map(lambda p: p + 0.3, variables)

  def derivatives(method):
    bijector = Autoregressive(MADE((6,), 2, activation=jnp.tanh), BOUNDED, method=method)

    def total(variables, z):
      return sum(jnp.square(part).sum() for part in inverse(bijector, z, variables))

    def steepness(variables, z):
      return sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(jax.grad(total, (0, 1))(variables, z)))

    return jax.jit(lambda: [jax.grad(of, (0, 1))(variables, z) for of in (total, steepness)])()

  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), *map(derivatives, METHODS)
  )


def test_independent_elements_take_two_turns_however_many_there_are():
  """One to find them, one to see that they stay; and one more for the log-determinant."""
  turns = []

  def nothing_seen(x):
    jax.debug.callback(lambda: turns.append(1))
    return jnp.full_like(x, 3.0)

  inverse(Autoregressive(nothing_seen, transforms.additive(), method='fixed_point'), jnp.zeros((1, 100)))
  jax.effects_barrier()
  assert len(turns) == 3


@pytest.mark.parametrize('method', METHODS)
def test_what_overflows_on_the_way_is_gone_at_the_end(method):
  """Begun at z, the third element is 1e40 too large after two turns, and weights of zero times infinity are nan."""
  weights = 1e20 * jnp.eye(5, k=1)
  bijector = Autoregressive(lambda x: x @ weights - 1, transforms.additive(), method=method)
  x, log_det = inverse(bijector, -jnp.ones((1, 5)))
  np.testing.assert_array_equal(x, np.zeros((1, 5)))
  np.testing.assert_array_equal(log_det, [0])


def test_samples_of_an_inverse_autoregressive_flow_are_one_pass():
  passes = []

  def counted(x):
    passes.append(1)
    return tenfold(x)

  x, _ = inverse(Inverse(Autoregressive(counted, transforms.additive())), jnp.ones((1, 3)))
  assert len(passes) == 1
  np.testing.assert_array_equal(x, [[1, 11, 11]])


def test_log_derivatives_are_the_diagonal_of_the_jacobian():
  bijector = Autoregressive(MADE((6,), 2), BOUNDED)
  x = jax.random.normal(RNG, (2, 3))
  variables = jax.tree.map(lambda p: p + 0.3, bijector.init(RNG, x, method='forward_and_log_det'))
  way = lambda x: bijector.apply(variables, x, method='forward_and_log_derivatives')  # noqa: E731
  diagonal = jnp.stack([jnp.diag(jax.jacobian(lambda row: way(row[None])[0][0])(row)) for row in x])
  np.testing.assert_allclose(way(x)[1], jnp.log(diagonal), atol=1e-5)


def test_what_cannot_be_is_refused():
  with pytest.raises(ValueError, match='the methods are: scan, fixed_point'):
    Autoregressive(tenfold, transforms.additive(), method='newton')
  with pytest.raises(ValueError, match='flattens them'):
    Autoregressive(tenfold, transforms.additive()).latent_shape((8, 8, 1))
  with pytest.raises(ValueError, match=r'returned shape \(2, 3\), not \(2, 6\)'):
    Autoregressive(tenfold, BOUNDED).apply({}, jnp.zeros((2, 3)), method='forward_and_log_det')
