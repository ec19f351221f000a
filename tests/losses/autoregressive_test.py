import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import autoregressive


def test_categorical_nll_by_hand():
  # probabilities (1/2, 1/4, 1/4) and (1/10, 9/10, 0), two positions per example
  logits = jnp.log(jnp.array([[0.5, 0.25, 0.25], [0.1, 0.9, 1e-30]])) + 7.0
  logits = jnp.stack([logits, logits])
  x = jnp.array([[0, 1], [2, 0]], jnp.uint8)
  expected = [np.log(2) - np.log(0.9), np.log(4) + np.log(10)]
  np.testing.assert_allclose(autoregressive.categorical_nll(logits, x), expected, rtol=1e-6)


def test_sums_over_every_axis_of_an_image():
  logits = jnp.zeros((2, 3, 4, 1, 17))
  x = jnp.ones((2, 3, 4, 1), jnp.uint8)
  np.testing.assert_allclose(autoregressive.categorical_nll(logits, x), 12 * np.log(17), rtol=1e-6)


def test_refuses_what_does_not_fit():
  with pytest.raises(ValueError, match='do not fit'):
    autoregressive.categorical_nll(jnp.zeros((2, 3)), jnp.zeros((2, 3), jnp.int32))
  with pytest.raises(TypeError, match='whole numbers'):
    autoregressive.categorical_nll(jnp.zeros((2, 3, 4)), jnp.zeros((2, 3)))


def _plain(weights, x):
  """Three binary positions; the logits of each are linear in the ones before."""
  earlier = jnp.tril(weights, -1)
  score = x @ earlier.T + jnp.diag(weights)
  return jnp.stack([jnp.zeros_like(score), score], -1)


class Network(eqx.Module):
  cell: eqx.nn.Linear

  def __call__(self, x):
    def of_position(i):
      return self.cell(jnp.where(jnp.arange(3) < i, x, 0.5))

    return jax.vmap(of_position)(jnp.arange(3))


@pytest.mark.parametrize('kind', ['plain function', 'equinox module'])
def test_a_causal_network_of_any_make_is_a_distribution(kind):
  network = {
    'plain function': lambda x: _plain(jax.random.normal(jax.random.key(0), (3, 3)), x),
    'equinox module': jax.vmap(Network(eqx.nn.Linear(3, 2, key=jax.random.key(0)))),
  }[kind]
  x = jnp.array(list(itertools.product(range(2), repeat=3)))
  nll = autoregressive.categorical_nll(network(x.astype(jnp.float32)), x)
  assert nll.std() > 0.1
  np.testing.assert_allclose(jnp.exp(-nll).sum(), 1.0, rtol=1e-5)
