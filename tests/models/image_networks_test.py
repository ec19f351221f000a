"""One contract for the autoregressive networks of images: how they are sampled changes nothing of what is drawn."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.families.autoregressive import autoregressive, whole_network
from jaxgen.families.distributions import categorical
from jaxgen.families.logistic_mixtures import logistic_mixture
from jaxgen.models.autoregressive import pixelcnn, pixelcnnpp
from jaxgen.samplers.ancestral import ancestral
from jaxgen.samplers.run import run
from jaxgen.types import Field
from tests.models.knobs import KNOBS

SHAPE, LEVELS, NUM = (4, 4, 3), 30, 3
SIZE = np.prod(SHAPE)
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


def _parameters(network):
  """Random ones of the right shapes; biases are not zero."""
  shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, *SHAPE), jnp.int32))['params']
  noise = np.random.default_rng(0)
  return jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)


def _model(name, predictor):
  network, _, distribution = NETWORKS[name]
  x = Field('image', SHAPE, LEVELS)
  settings = dict(tx=optax.sgd(0.1), ema_decay=0.0, x=x, distribution=distribution)
  return autoregressive(network, predictor=predictor, **settings)


@pytest.mark.parametrize('name', NETWORKS)
def test_pixel_by_pixel_gives_the_samples_of_the_whole_network_whatever_is_turned(name):
  """And under its own key a sample is continued from its half to itself."""
  network, cached, _ = NETWORKS[name]
  params = {'network': _parameters(network)}
  quick, naive = (_model(name, predictor) for predictor in (cached, whole_network))
  draws = [
    jax.jit(lambda rng, knobs, model=model: model.sample(params, {}, rng, NUM, **knobs))
    for model in (quick, naive)
  ]
  found = []
  for knobs in KNOBS:
    several = [draw(jax.random.key(1), {**quick.knobs, **knobs}) for draw in draws]
    np.testing.assert_array_equal(*several)
    found.append(np.asarray(several[0]))
  assert len(np.unique(found[0])) > 2 and found[0].dtype == np.uint8
  assert all((turned != found[0]).any() for turned in found[1:])
  half = jnp.broadcast_to(jnp.arange(SIZE).reshape(SHAPE) < SIZE // 2 + 1, found[0].shape)  # within a pixel
  batch = {'x': jnp.where(half, found[0], 0)}
  again = jax.jit(partial(quick.complete, params, {}))(jax.random.key(1), batch, half)
  np.testing.assert_array_equal(again, found[0])


@pytest.mark.parametrize('name', NETWORKS)
def test_the_log_masses_of_a_chain_add_up_to_the_log_probability_of_its_sample(name):
  network, cached, distribution = NETWORKS[name]
  params = _parameters(network)

  @jax.jit
  def sample(rng):
    kernel = ancestral(*cached(partial(network.apply, {'params': params}), {}), distribution.draw)
    state, info = run(kernel, rng, jnp.zeros((NUM, *SHAPE), jnp.int32), SIZE)
    return state.position, info.log_prob.sum(0)

  x, log_mass = sample(jax.random.key(1))
  density = jax.jit(_model(name, cached).log_prob)({'network': params}, {}, None, {'x': x})
  np.testing.assert_allclose(log_mass, density - SIZE * np.log(LEVELS), rtol=1e-4)
