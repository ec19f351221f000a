import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Planar

RNG = jax.random.key(0)
PARAMS = {'u': jnp.array([0.5, -1.0]), 'w': jnp.array([2.0, 0.5]), 'b': jnp.array([0.1])}


def forward(x, params=PARAMS, given=None, conditioner=None):
  return Planar(conditioner).apply({'params': params}, x, given, method='forward_and_log_det')


def test_equation_10_by_hand():
  # w u = 0.5 becomes 1e-3 + 0.999 softplus(0.5 + log(e - 1)) - 1, by a change of u along w
  change = 1e-3 + 0.999 * np.log1p(np.exp(0.5) * (np.e - 1)) - 1 - 0.5
  u = np.array([0.5, -1.0]) + change / 4.25 * np.array([2.0, 0.5])
  x = np.array([[0.3, -0.2]])
  h = np.tanh(0.6 - 0.1 + 0.1)
  z, log_det = forward(jnp.float32(x))
  np.testing.assert_allclose(z, x + u * h, rtol=1e-6)
  np.testing.assert_allclose(log_det, [np.log(1 + (1 - h**2) * (0.5 + change))], rtol=1e-5)


def test_it_starts_as_the_identity_and_learns_from_there():
  x = jax.random.normal(RNG, (4, 3))
  variables = Planar().init(RNG, x, method='forward_and_log_det')
  loss = lambda v: Planar().apply(v, x, method='forward_and_log_det')[0].sum()  # noqa: E731
  z, log_det = Planar().apply(variables, x, method='forward_and_log_det')
  np.testing.assert_allclose(z, x, atol=1e-6)
  np.testing.assert_allclose(log_det, 0, atol=1e-6)
  assert np.abs(jax.grad(loss)(variables)['params']['u']).max() > 0.01


@pytest.mark.parametrize('size', [1.0, 10.0, 1e3])
def test_it_stays_invertible_whatever_u_points_to(size):
  """With `w u < -1` as it stands, three x would have one z."""
  params = {'u': -size * PARAMS['w'], 'w': PARAMS['w'], 'b': jnp.zeros(1)}
  x = jnp.linspace(-3, 3, 601)[:, None] * PARAMS['w']
  z, log_det = forward(x, params)
  along = np.asarray(z @ PARAMS['w'])
  assert np.all(np.diff(along) > 0) and np.all(np.isfinite(log_det))
  again, _ = Planar().apply({'params': params}, z, method='inverse_and_log_det')
  np.testing.assert_allclose(again, x, atol=2e-3)  # a slope of 1e-3 at 0 takes three digits of seven


def test_without_a_direction_it_is_a_translation():
  params = {'u': jnp.ones(2), 'w': jnp.zeros(2), 'b': jnp.ones(1)}
  z, log_det = forward(jnp.zeros((1, 2)), params)
  np.testing.assert_allclose(z, np.full((1, 2), np.tanh(1)), rtol=1e-6)
  np.testing.assert_allclose(log_det, 0, atol=1e-6)
  gradients = jax.grad(lambda params: sum(part.sum() for part in forward(jnp.ones((1, 2)), params)))(params)
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradients))


def test_a_conditioner_adds_to_the_parameters_of_each_example():
  added = jnp.array([0.1, 0.2, 0.3, 0.4, 0.5])
  x = jnp.array([[0.3, -0.2], [0.3, -0.2]])
  z, log_det = forward(
    x, given=jnp.array([0.0, 1.0]), conditioner=lambda zeros, given: given[:, None] * added
  )
  shifted = {'u': PARAMS['u'] + added[:2], 'w': PARAMS['w'] + added[2:4], 'b': PARAMS['b'] + added[4:]}
  for index, params in enumerate((PARAMS, shifted)):
    alone, alone_log_det = forward(x[:1], params)
    np.testing.assert_allclose(z[index], alone[0], rtol=1e-5)
    np.testing.assert_allclose(log_det[index], alone_log_det[0], rtol=1e-4)


def test_a_conditioner_of_another_width_is_refused():
  with pytest.raises(ValueError, match=r'the conditioner returned shape \(3, 4\), not \(3, 5\)'):
    forward(jnp.ones((3, 2)), conditioner=lambda zeros: jnp.ones((3, 4)))


def test_images_are_refused():
  with pytest.raises(ValueError, match=r'it takes vectors, not arrays of shape \(4, 4, 1\)'):
    Planar().latent_shape((4, 4, 1))
