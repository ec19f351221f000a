from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from ml_collections import ConfigDict

from configs import glow_cifar, glow_digits
from jaxgen import fields
from jaxgen.bijectors import UniformDequantization
from jaxgen.errors import UserError
from jaxgen.models.flow import glow
from jaxgen.types import DATA_AXIS, Field, State

RNG = jax.random.key(0)
IMAGE = Field('image', (4, 4, 1), 17)


def config(get_config=glow_digits.get_config, x=IMAGE, given=(), **changes):
  config = get_config('smoke')
  config.model.update(changes)
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 10)}))
  return config


def images(shape=(4, 4, 1), num=16, levels=17):
  rng = np.random.default_rng(0)
  ramp = np.linspace(0, levels - 4, np.prod(shape)).reshape(shape)
  return {
    'x': jnp.asarray((ramp + rng.integers(4, size=(num, *shape))).astype(np.uint8)),
    'label': jnp.asarray(rng.integers(10, size=num)),
  }


def anything(model, batch):
  """Parameters that training might have made, without any initialization: `(params, extra)`."""
  rng = np.random.default_rng(1)

  def fill(path, leaf):
    if 'permutation' in str(path):
      return np.broadcast_to(np.eye(leaf.shape[-1], dtype=np.float32)[::-1], leaf.shape)
    return np.float32(np.ones(leaf.shape) if 'sign' in str(path) else 0.1 * rng.standard_normal(leaf.shape))

  return jax.tree_util.tree_map_with_path(fill, jax.eval_shape(model.init, RNG, batch))


class Trained(NamedTuple):
  """A class-conditional model, its functions compiled, and what `run(batch)` made of one batch."""

  run: Callable  # batch -> (first state, last state, bits per dimension at each step)
  evaluate: Callable
  reconstruct: Callable
  sample: Callable
  batch: Mapping
  first: State
  last: State
  bits: jax.Array


@pytest.fixture(scope='module')
def trained():
  settings = config(x=Field('image', (8, 8, 1), 17), given=('label',))
  settings.optimizer.update(dict(learning_rate=0.01, warmup_steps=5))
  model, batch = glow.build(settings), images((8, 8, 1))

  @jax.jit
  def run(batch):
    def step(state, _):
      rng, one = jax.random.fold_in(RNG, state.step), dict(in_axes=None, out_axes=None)
      move = jax.vmap(model.update.apply, **one, axis_name=DATA_AXIS, axis_size=1)
      state, metrics = move(state, rng, batch)
      return state._replace(step=state.step + 1), metrics['bits_per_dim'].total / len(batch['x'])

    params, extra = model.init(RNG, batch)
    first = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), RNG)
    return first, *jax.lax.scan(step, first, None, length=100)

  @jax.jit
  def reconstruct(params, extra, rng, batch):
    latents = model.encode(params, extra, rng, batch)
    return latents, model.decode(params, extra, latents, {'label': batch['label']})

  sample = jax.jit(partial(model.sample, num=4))
  return Trained(run, jax.jit(model.evaluate), reconstruct, sample, batch, *run(batch))


def test_log_prob_is_the_change_of_variables_built_by_hand():
  """Normal density of the latents times |det J|, with J from autodiff: none of the flow's own log-dets."""
  bijector = glow.glow(depth=2, levels=2, width=4, coupling='affine', least_scale=0.1, border=False)
  model, batch = glow.build(config(width=4)), images(num=3)

  params, extra = anything(model, batch)

  @jax.jit
  def both():
    dequantize = partial(UniformDequantization(17).apply, {}, method='forward_and_log_det')
    x, _ = dequantize(batch['x'], rngs={'dequantization': RNG})

    def latents(flat):
      image, variables = flat.reshape(1, 4, 4, 1), {'params': params['flow'], **extra['flow']}
      return ravel_pytree(bijector.apply(variables, image, method='forward_and_log_det')[0])[0]

    def by_hand(flat):
      log_density = -0.5 * (latents(flat) ** 2 + jnp.log(2 * jnp.pi)).sum()
      return log_density + jnp.linalg.slogdet(jax.jacfwd(latents)(flat))[1]

    return model.log_prob(params, extra, RNG, batch), jax.vmap(by_hand)(x.reshape(3, -1))

  np.testing.assert_allclose(*both(), atol=2e-3, rtol=1e-4)


@pytest.mark.slow
def test_it_reconstructs_to_1e4_before_and_after_training(trained):
  for state in (trained.first, trained.last):
    terms = trained.evaluate(state.params, state.extra, RNG, trained.batch)
    assert terms['inversion_error'].max() < 1e-4
    _, pixels = trained.reconstruct(state.params, state.extra, RNG, trained.batch)
    np.testing.assert_array_equal(pixels, trained.batch['x'])


def test_training_shortens_the_code(trained):
  assert np.all(np.isfinite(trained.bits))
  assert trained.bits[-10:].mean() < trained.bits[:3].mean() - 0.5


def test_networks_start_at_zero_and_latents_near_their_prior(trained):
  kernels = {
    jax.tree_util.keystr(path): leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(trained.first.params)
    if 'log_scale' not in str(path) and ('last' in str(path) or "'conv'" in str(path))
  }
  assert len(kernels) == 10 and not any(leaf.any() for leaf in kernels.values())
  latents, _ = trained.reconstruct(trained.first.params, trained.first.extra, RNG, trained.batch)
  assert [z.shape for z in latents] == [(16, 4, 4, 2), (16, 2, 2, 8)]
  assert all(abs(z.mean()) < 0.3 and 0.3 < z.std() < 1.5 for z in latents)


def test_the_label_matters_once_it_is_learned(trained):
  state, batch = trained.last, trained.batch
  other = {**batch, 'label': (batch['label'] + 1) % 10}
  own, wrong = (
    trained.evaluate(state.params, state.extra, RNG, given)['bits_per_dim'].mean() for given in (batch, other)
  )
  assert own < wrong


def test_samples_are_pixels(trained):
  x = trained.sample(trained.last.params, trained.last.extra, RNG)
  assert x.shape == (4, 8, 8, 1) and x.dtype == jnp.uint8 and x.max() < 17


def test_images_of_one_colour_give_no_nan(trained):
  _, last, bits = trained.run({**trained.batch, 'x': jnp.zeros_like(trained.batch['x'])})
  assert np.all(np.isfinite(bits))
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(last.params))


def test_far_latents_stay_finite(trained):
  latents = (30.0 * jnp.ones((1, 4, 4, 2)), -30.0 * jnp.ones((1, 2, 2, 8)))
  inverse = partial(
    glow.glow(2, 2, 8, 'affine', least_scale=0.1, border=False).apply, method='inverse_and_log_det'
  )
  variables = {'params': trained.last.params['flow'], **trained.last.extra['flow']}
  image, log_det = jax.jit(inverse)(variables, latents, {'label': jax.nn.one_hot(jnp.array([3]), 10)})
  assert np.all(np.isfinite(image)) and np.all(np.isfinite(log_det))


def test_the_border_is_a_channel_of_ones_on_the_padding():
  x = jax.random.normal(RNG, (2, 4, 5, 3))
  layer = glow.ZeroConv(6, border=True)
  variables = jax.tree.map(lambda leaf: leaf + jax.random.normal(RNG, leaf.shape), layer.init(RNG, x))
  params = variables['params']
  padded = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
  frame = jnp.pad(jnp.zeros((2, 4, 5, 1)), [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=1)
  kernel = jnp.concatenate([params['Conv_0']['kernel'], params['edge']['conv']['kernel']], axis=2)
  by_hand = jax.lax.conv_general_dilated(
    jnp.concatenate([padded, frame], -1), kernel, (1, 1), 'VALID', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  by_hand = (by_hand + params['Conv_0']['bias']) * jnp.exp(3 * params['log_scale'])
  np.testing.assert_allclose(layer.apply(variables, x), by_hand, rtol=1e-4, atol=1e-4)


def test_every_3x3_convolution_has_a_border_where_that_is_asked_for():
  shapes = [
    jax.eval_shape(glow.build(config(border=border)).init, RNG, images(num=2))[0]['flow']
    for border in (False, True)
  ]
  without, with_border = (
    {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
    for tree in shapes
  )
  edges = {name: shape for name, shape in with_border.items() if 'edge' in name}
  assert {name: shape for name, shape in with_border.items() if name not in edges} == without
  assert len(edges) == sum('kernel' in name and shape[-4:-2] == (3, 3) for name, shape in without.items())
  assert all(shape[-2] == 1 for shape in edges.values())


def inverse_of_small_scales(least_scale):
  """Images of latents drawn at temperature 1, where every coupling asks for a scale of `exp(-98)`."""
  bijector = glow.glow(2, 2, 4, 'affine', least_scale, border=False)
  params, extra = anything(glow.build(config(width=4)), images(num=2))
  params = jax.tree_util.tree_map_with_path(
    lambda path, leaf: leaf - 100.0 if "['last']['Conv_0']['bias']" in jax.tree_util.keystr(path) else leaf,
    params,
  )
  latents = jax.random.normal(RNG, (8, 2, 2, 2)), jax.random.normal(jax.random.key(1), (8, 1, 1, 8))
  inverse = jax.jit(partial(bijector.apply, method='inverse_and_log_det'))
  return inverse({'params': params['flow'], **extra['flow']}, latents)


def test_no_scale_is_so_small_that_samples_overflow():
  image, _ = inverse_of_small_scales(0.0)
  assert not np.isfinite(image).all()  # as published
  image, log_det = inverse_of_small_scales(0.1)
  assert np.isfinite(image).all() and np.isfinite(log_det).all()


def test_glow_cifar_is_as_published():
  x = Field('image', (32, 32, 3), 256)
  settings = config(glow_cifar.get_config, x=x, levels=3, depth=32, width=512)
  model = glow.build(settings)
  batch = {'x': jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.uint8)}
  params, extra = jax.eval_shape(model.init, RNG, batch)
  levels = params['flow']['bijectors_1']
  assert 44.6e6 < sum(leaf.size for leaf in jax.tree.leaves(params)) < 44.7e6
  assert [levels[f'levels_{i}']['bijectors_1']['bijector']['bijectors_0']['shift'].shape for i in range(3)] == [
    (32, 12), (32, 24), (32, 48),
  ]  # fmt: skip
  latents = jax.eval_shape(model.encode, params, extra, RNG, batch)
  assert [z.shape for z in latents] == [(2, 16, 16, 6), (2, 8, 8, 12), (2, 4, 4, 48)]


@pytest.mark.parametrize(
  'changes, message',
  [
    (dict(x=Field('vector', (2,), 0)), 'jaxgen.models.flow.realnvp'),
    (dict(x=Field('image', (8, 8, 1), 0)), 'discrete'),
    (dict(x=Field('image', (6, 6, 1), 17)), 'multiple of 4'),
  ],
)
def test_bad_settings_say_what_to_do(changes, message):
  with pytest.raises(UserError, match=message):
    glow.build(config(**changes))
