import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import Coupling, masks, transforms

RNG = jax.random.key(0)
BOUNDED = transforms.affine(transforms.bounded_log_scale(2.0))


def forward(coupling, x, given=None):
  return coupling.apply({}, x, given, method='forward_and_log_det')


def test_hand_computed_affine():
  # kept (1, 2); shift (3, 4), s (5, 6): z = (x + shift) * sigmoid(s + 2)
  network = lambda kept: jnp.concatenate([kept + 2, kept + 4], -1)  # noqa: E731
  coupling = Coupling(network, transforms.affine(transforms.sigmoid_log_scale), masks.halves())
  z, log_det = forward(coupling, jnp.array([[1.0, 2.0, 10.0, 20.0]]))
  scale = 1 / (1 + np.exp(-np.array([7.0, 8.0])))
  np.testing.assert_allclose(z, [[1, 2, 13 * scale[0], 24 * scale[1]]], rtol=1e-6)
  np.testing.assert_allclose(log_det, [np.log(scale).sum()], rtol=1e-4)


def test_the_condition_reaches_the_network():
  coupling = Coupling(lambda kept, given: kept + given, transforms.additive(), masks.halves())
  z, _ = forward(coupling, jnp.array([[1.0, 2.0]]), jnp.array([[10.0]]))
  np.testing.assert_allclose(z, [[1, 13]])


@pytest.mark.parametrize('mask', [masks.halves(), masks.binary(np.array([True, True, False, False]))])
def test_it_does_not_look_at_what_it_moves(mask):
  seen = []

  def network(kept):
    seen.append(kept)
    return jnp.zeros((*kept.shape[:-1], 2 if kept.shape[-1] == 2 else 4))

  x = jnp.array([[1.0, 2.0, 3.0, 4.0]])
  forward(Coupling(network, transforms.additive(), mask), x)
  assert not np.isin(seen[0], [3.0, 4.0]).any()


def test_a_network_of_the_wrong_size_is_refused():
  coupling = Coupling(lambda kept: kept, BOUNDED, masks.halves())
  with pytest.raises(ValueError, match=r'returned shape \(3, 2\), not \(3, 4\)'):
    forward(coupling, jnp.ones((3, 4)))


def test_an_equinox_network_learns_by_maximum_likelihood():
  """No trainer and no Linen network: the second coordinate is twice the first, plus noise of width 0.1."""
  mlp = eqx.nn.MLP(1, 2, 8, 1, activation=jnp.tanh, key=RNG)
  first = jax.random.normal(RNG, (256, 1))
  x = jnp.concatenate([first, 2 * first + 0.1 * jax.random.normal(jax.random.key(1), (256, 1))], -1)

  def loss(mlp):
    z, log_det = forward(Coupling(jax.vmap(mlp), BOUNDED, masks.halves()), x)
    return (0.5 * (z**2 + jnp.log(2 * jnp.pi)).sum(-1) - log_det).mean()

  @eqx.filter_jit
  def descend(mlp):
    arrays, rest = eqx.partition(mlp, eqx.is_array)

    def body(arrays, _):
      grads = jax.grad(lambda a: loss(eqx.combine(a, rest)))(arrays)
      return jax.tree.map(lambda a, g: a - 0.03 * g, arrays, grads), None

    return eqx.combine(jax.lax.scan(body, arrays, None, length=500)[0], rest)

  before, after = loss(mlp), loss(descend(mlp))
  assert after < before - 1 and np.isfinite(after)


def test_an_extreme_network_gives_neither_nan_nor_infinity():
  network = lambda kept: jnp.concatenate([kept, 1e6 * kept], -1)  # noqa: E731
  coupling = Coupling(network, BOUNDED, masks.halves())
  x = jax.random.normal(RNG, (16, 4))

  def total(x):
    z, log_det = forward(coupling, x)
    return z.sum() + log_det.sum()

  assert np.isfinite(total(x)) and np.all(np.isfinite(jax.grad(total)(x)))
