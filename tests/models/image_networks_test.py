"""One contract for the autoregressive networks of images: how they are sampled changes nothing of what is drawn."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.autoregressive import whole_network
from jaxgen.families.distributions import categorical
from jaxgen.families.logistic_mixtures import logistic_mixture
from jaxgen.models.autoregressive import pixelcnn, pixelcnnpp
from jaxgen.samplers.ancestral import ancestral
from jaxgen.samplers.run import run

SHAPE, LEVELS = (4, 4, 3), 5
_PLUSPLUS = pixelcnnpp.PixelCNNpp(channels=3, levels=LEVELS, width=4, num_layers=1, num_sizes=2, components=2)
# the network, how it is sampled, and what its outputs mean
NETWORKS = {
  'pixelcnn': (
    pixelcnn.PixelCNN(channels=3, levels=LEVELS, width=6, num_layers=1, first_kernel=3),
    pixelcnn.pixel_by_pixel,
    categorical(LEVELS),
  ),
  'pixelcnnpp': (_PLUSPLUS, pixelcnnpp.cached(_PLUSPLUS), logistic_mixture(LEVELS, 2)),
}
USUAL = {'temperature': 1.0, 'top_k': LEVELS, 'top_p': 1.0}
KNOBS = {'temperature': 0.7, 'top_k': 3, 'top_p': 0.9}


def _parameters(network):
  """Random ones of the right shapes; biases are not zero."""
  shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, *SHAPE), jnp.int32))['params']
  noise = np.random.default_rng(0)
  draw = lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype)  # noqa: E731
  return {'params': jax.tree.map(draw, shapes)}


@pytest.mark.parametrize('name', NETWORKS)
def test_a_sample_is_the_same_by_the_whole_network_and_its_chain_adds_up_to_its_mass(name):
  network, cached, distribution = NETWORKS[name]
  variables = _parameters(network)

  @partial(jax.jit, static_argnums=0)
  def sample(predictor, knobs):
    predict, init_cache = predictor(partial(network.apply, variables), {})
    kernel = ancestral(predict, init_cache, partial(distribution.draw, **knobs))
    state, infos = run(kernel, jax.random.key(1), jnp.zeros((3, *SHAPE), jnp.int32), np.prod(SHAPE))
    return state.position, infos.log_prob.sum(0)

  drawn = {}
  for knobs in (USUAL, KNOBS):
    x, log_mass = sample(cached, knobs)
    whole, log_mass_of_whole = sample(whole_network, knobs)
    np.testing.assert_array_equal(x, whole)
    np.testing.assert_allclose(log_mass, log_mass_of_whole, rtol=1e-4)
    drawn[knobs['top_k']] = x, log_mass
  x, log_mass = drawn[LEVELS]
  nll = distribution.nll(jax.jit(network.apply)(variables, x), x)
  np.testing.assert_allclose(log_mass, -nll, rtol=1e-4)
  assert len(np.unique(x)) > 2 and (x != drawn[3][0]).any()
