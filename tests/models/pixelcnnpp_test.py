from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config import defaults
from jaxgen.errors import UserError
from jaxgen.models.autoregressive import pixelcnnpp
from jaxgen.types import Field


def _random(init, *args):
  """Parameters of the right shapes without compiling their initializers; biases are not zero."""
  shapes, noise = jax.eval_shape(init, jax.random.key(0), *args), np.random.default_rng(0)

  def draw(leaf):
    return jnp.asarray(noise.normal(0, 1.2 / np.sqrt(np.prod(leaf.shape[:-1])), leaf.shape), leaf.dtype)

  return jax.tree.map(draw, shapes)


def _network(channels, **changes):
  settings = dict(levels=5, width=6, num_layers=1, num_sizes=2, components=2)
  return pixelcnnpp.PixelCNNpp(channels=channels, **(settings | changes))


@pytest.mark.parametrize(('channels', 'sizes'), [(1, 1), (3, 3)])
def test_every_output_sees_all_that_comes_before_it_and_nothing_else(channels, sizes):
  network = _network(channels, num_layers=3 if sizes == 1 else 2, num_sizes=sizes)
  x = 4 * jax.random.uniform(jax.random.key(0), (4, 8 if sizes == 3 else 5, channels))
  variables = _random(network.init, x[None])
  jacobian = jax.jit(jax.jacobian(lambda x: network.apply(variables, x[None])[0]))(x)
  dims = x.size
  reach = np.abs(np.asarray(jacobian).reshape(dims, -1, dims)).sum(1) > 0  # [output, input]
  np.testing.assert_array_equal(reach, np.tril(np.ones((dims, dims), bool), -1))


def test_block_by_block_prediction_equals_the_whole_network():
  network = _network(3)
  x = jax.random.randint(jax.random.key(0), (2, 4, 4, 3), 0, 5)
  given = {'label': jax.nn.one_hot(jnp.array([0, 1]), 2)}
  params = _random(network.init, x, given)['params']

  predict, init_cache = pixelcnnpp.cached(network)(partial(network.apply, {'params': params}), given)

  def body(cache, index):
    # what lies ahead is not filled yet when sampling
    seen = jnp.where(jnp.arange(x[0].size) < index, x.reshape(2, -1), 3).reshape(x.shape)
    outputs, cache = predict(seen, index, cache)
    return cache, outputs

  by_blocks = jax.jit(lambda: jax.lax.scan(body, init_cache(x), jnp.arange(x[0].size))[1])()
  whole = jax.jit(network.apply)({'params': params}, x, given).reshape(2, x[0].size, -1)
  np.testing.assert_allclose(by_blocks.swapaxes(0, 1), whole, rtol=1e-5, atol=1e-4)


def _config(x, **changes):
  config = defaults()
  config.data = ConfigDict(dict(fields=fields.to_dict({'x': x})))
  settings = dict(width=4, num_layers=1, num_sizes=2, components=2, dropout=0.0)
  config.model = ConfigDict(settings | changes)
  return config


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    (_config(Field('vector', (2,), 0)), 'vector data'),
    (_config(Field('image', (4, 4, 1), 0)), 'continuous values'),
    (_config(Field('image', (4, 6, 3), 17), num_sizes=3), 'multiples of 4'),
  ],
)
def test_settings_that_do_not_fit_are_named(config, message):
  with pytest.raises(UserError, match=message):
    pixelcnnpp.build(config)
