import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn import MADE

RNG = jax.random.key(0)


def jacobian(network, size, given=None):
  """Of the outputs by the inputs at random weights: [features, D outputs, D inputs]."""
  x = jax.random.normal(RNG, (1, size))

  @jax.jit
  def run():
    variables = jax.tree.map(lambda p: p + 0.5, network.init(RNG, x, given))
    return jax.jacfwd(lambda x: network.apply(variables, x[None], given)[0])(x[0])

  return np.asarray(run()).reshape(-1, size, size)


@pytest.mark.parametrize('residual', [False, True])
@pytest.mark.parametrize('size, order', [(1, None), (2, None), (5, (3, 0, 4, 1, 2))])
def test_an_output_sees_all_inputs_before_its_own_and_no_other(size, order, residual):
  network = MADE((12, 12), features=2, order=order, residual=residual, activation=jnp.tanh)
  order = np.arange(size) if order is None else np.asarray(order)
  for block in jacobian(network, size):
    np.testing.assert_array_equal(block[np.ix_(order, order)] != 0, np.tri(size, k=-1, dtype=bool))


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1)])
def test_fourier_features_have_the_degrees_of_their_inputs(order):
  network, place = (
    MADE((9, 9), features=2, order=order, frequencies=3, activation=jnp.tanh),
    np.asarray(order),
  )
  for block in jacobian(network, 3):
    np.testing.assert_array_equal(block[np.ix_(place, place)] != 0, np.tri(3, k=-1, dtype=bool))


def test_fourier_features_are_sines_and_cosines_of_doubling_frequencies():
  """By a layer that adds up all that the second output may see of x: x, and a pair for each of pi/4 and pi/2."""
  network, x = MADE((1,), features=1, frequencies=2, activation=lambda h: h), jnp.array([[0.7, -1.0]])
  variables = jax.tree.map(jnp.ones_like, network.init(RNG, x))
  variables = {
    'params': {name: layer | {'bias': 0 * layer['bias']} for name, layer in variables['params'].items()}
  }
  waves = sum(np.sin(0.7 * w) + np.cos(0.7 * w) for w in (np.pi / 4, np.pi / 2))
  np.testing.assert_allclose(network.apply(variables, x), [[0, 0.7 + waves]], rtol=1e-6)


def test_a_condition_reaches_every_output_and_breaks_no_order():
  network, given = MADE((6,), features=1, activation=jnp.tanh), {'label': jnp.ones((1, 2))}
  assert np.all((jacobian(network, 3, given)[0] != 0) == np.tri(3, k=-1, dtype=bool))
  x = jnp.zeros((1, 3))
  variables = jax.tree.map(lambda p: p + 0.5, network.init(RNG, x, given))
  slopes = jax.jacfwd(lambda label: network.apply(variables, x, {'label': label})[0])(given['label'])
  assert np.all(slopes != 0)


def test_it_starts_at_zero():
  network, x = MADE((6,), features=3), jax.random.normal(RNG, (2, 4))
  np.testing.assert_array_equal(network.apply(network.init(RNG, x), x), jnp.zeros((2, 12)))


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    (dict(hidden=(8, 3)), r'widths \(8, 3\) are too narrow: 4 units'),
    (dict(hidden=()), 'are too narrow'),
    (dict(hidden=(8, 9), residual=True), 'one width'),
    (dict(hidden=(8,), order=(0, 1, 2, 3, 3)), 'no permutation of 5 inputs'),
  ],
)
def test_what_cannot_be_is_refused(settings, message):
  with pytest.raises(ValueError, match=message):
    MADE(features=1, **settings).init(RNG, jnp.zeros((1, 5)))
