import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.models.score.refinenet import RefineNet, nearest_level


def _parameters(network, shape):
  start = lambda rng: network.init(rng, jnp.zeros((1, *shape)), jnp.ones(1), {}, False)  # noqa: E731
  return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(start, jax.random.key(0))))


def test_without_levels_it_has_as_many_parameters_as_the_released_ncsnv2_of_cifar():
  assert _parameters(RefineNet(128), (32, 32, 3)) == 29_694_083


def test_a_level_has_gains_shares_and_biases_of_its_own():
  """Of each normalized channel, at the published widths; gain, share and bias are three numbers."""
  ten, twenty = (_parameters(RefineNet(128, tuple(range(n, 0, -1))), (32, 32, 3)) for n in (10, 20))
  normalized = (
    29 * 128 + 42 * 256
  )  # channels, before the convolutions of blocks and refinements and at the end
  assert twenty - ten == 10 * 3 * normalized


def test_a_sigma_has_the_index_of_the_level_that_is_nearest_in_ratio():
  sigma = jnp.array([100.0, 10.0, 3.2, 3.1, 1.0, 0.02, 0.0])
  np.testing.assert_array_equal(nearest_level(sigma, (10.0, 1.0, 0.1)), [0, 0, 0, 1, 1, 2, 2])
