import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.computing import computed
from jaxgen.config import defaults
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import whole_network
from jaxgen.models.autoregressive import pixelcnn
from jaxgen.types import DATA_AXIS, Field, State

IMAGE = Field('image', (2, 2, 1), 3)


def _config(x=IMAGE, given=(), **changes):
  config = defaults()
  config.data = ConfigDict(dict(fields=fields.to_dict({'x': x, 'label': Field('label', (), 2)})))
  config.given = given
  settings = dict(width=6, num_layers=1, first_kernel=3, kernel=3, dropout=0.0)
  config.model = ConfigDict(settings | changes)
  return config


def _random(init, *args):
  """Parameters of the right shapes without compiling their initializers; biases are not zero."""
  shapes, noise = jax.eval_shape(init, jax.random.key(0), *args), np.random.default_rng(0)

  def draw(leaf):
    return jnp.asarray(noise.normal(0, 1.2 / np.sqrt(np.prod(leaf.shape[:-1])), leaf.shape), leaf.dtype)

  return jax.tree.map(draw, shapes)


@pytest.mark.parametrize('channels', [1, 3])
def test_every_output_sees_all_that_comes_before_it_and_nothing_else(channels):
  network = pixelcnn.PixelCNN(channels=channels, levels=3, width=24, num_layers=3, first_kernel=3)
  x = 2 * jax.random.uniform(jax.random.key(0), (4, 5, channels))
  variables = _random(network.init, x[None])
  jacobian = jax.jit(jax.jacobian(lambda x: network.apply(variables, x[None])[0]))(x)
  dims = x.size
  reach = np.abs(np.asarray(jacobian).reshape(dims, 3, dims)).sum(1) > 0  # [output, input]
  np.testing.assert_array_equal(reach, np.tril(np.ones((dims, dims), bool), -1))


def test_the_mass_of_all_images_is_one_and_samples_follow_it():
  model = pixelcnn.build(_config())
  params, extra = _random(model.init, {})
  everything = jnp.array(list(itertools.product(range(3), repeat=4)), jnp.uint8).reshape(-1, 2, 2, 1)
  log_mass = jax.jit(model.log_prob)(params, extra, None, {'x': everything}) - 4 * np.log(3)
  mass = np.exp(np.asarray(log_mass, np.float64))
  np.testing.assert_allclose(mass.sum(), 1.0, rtol=1e-5)
  num = 20000
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), num)
  counts = np.bincount(np.asarray(x).reshape(-1, 4) @ [27, 9, 3, 1], minlength=81)
  usual = num * mass > 5
  assert usual.sum() > 10
  chi_square = np.sum((counts - num * mass)[usual] ** 2 / (num * mass)[usual])
  assert chi_square < usual.sum() - 1 + 4 * np.sqrt(2 * (usual.sum() - 1))


@pytest.mark.parametrize('channels', [1, 3])
def test_prediction_pixel_by_pixel_equals_the_whole_network(channels):
  network = pixelcnn.PixelCNN(channels=channels, levels=4, width=6, num_layers=2, first_kernel=3, kernel=5)
  x = jax.random.randint(jax.random.key(0), (2, 3, 4, channels), 0, 4)
  given = {'label': jax.nn.one_hot(jnp.array([0, 1]), 2)}
  params = _random(network.init, x, given)['params']

  def all_logits(predictor):
    predict, init_cache = predictor(partial(network.apply, {'params': params}), given)

    def body(cache, index):
      # what lies ahead is not filled yet when sampling
      seen = jnp.where(jnp.arange(x[0].size) < index, x.reshape(2, -1), 3).reshape(x.shape)
      logits, cache = predict(seen, index, cache)
      return cache, logits

    return jax.jit(lambda: jax.lax.scan(body, init_cache(x), jnp.arange(x[0].size))[1])()

  by_pixels = all_logits(pixelcnn.pixel_by_pixel)
  np.testing.assert_allclose(by_pixels, all_logits(whole_network), atol=1e-4)
  whole = jax.jit(network.apply)({'params': params}, x, given).reshape(2, -1, 4)
  np.testing.assert_allclose(by_pixels.swapaxes(0, 1), whole, atol=1e-4)


@pytest.mark.slow
def test_trains_and_fills_pictures():
  config = _config(Field('image', (4, 4, 3), 17), ('label',), dropout=0.1)
  config.optimizer.learning_rate = 0.02
  model = computed(pixelcnn.build(config), 'bfloat16', remat=True)
  x = jax.random.randint(jax.random.key(0), (8, 1, 1, 3), 0, 17).astype(jnp.uint8)
  batch = {'x': jnp.tile(x, (1, 4, 4, 1)), 'label': jnp.arange(8) % 2}
  params, extra = _random(model.init, batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jnp.zeros(2, jnp.uint32))

  @jax.jit
  @lambda step: jax.vmap(step, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  def steps(state):
    def body(state, index):
      state, metrics = model.update.apply(state, jax.random.fold_in(jax.random.key(2), index), batch)
      return state, metrics['bits_per_dim'].total / metrics['bits_per_dim'].count

    return jax.lax.scan(body, state, jnp.arange(40))

  state, bits = steps(state)
  assert bits.dtype == jnp.float32
  assert bits[0] > 3.5 and bits[-1] < bits[0] - 1
  stages = jax.jit(model.trajectory, static_argnums=3)(state.params, extra, jax.random.key(3), 2)
  assert stages.shape == (49, 2, 4, 4, 3) and stages.dtype == jnp.uint8 and stages.max() < 17


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    (_config(Field('vector', (2,), 0)), 'vector data'),
    (_config(Field('image', (4, 4, 1), 0)), 'continuous values'),
    (_config(Field('image', (4, 4, 3), 17), width=8), 'multiple of the 3 channels'),
    (_config(kernel=4), 'odd'),
    (_config(first_kernel=4), 'odd'),
  ],
)
def test_settings_that_do_not_fit_are_named(config, message):
  with pytest.raises(UserError, match=message):
    pixelcnn.build(config)
