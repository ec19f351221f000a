import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.gan_digits import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.gan.dcgan import Discriminator, Generator, build, halvings
from jaxgen.types import DATA_AXIS, Field, State

DIGITS = Field('image', (8, 8, 1), 17)


def _config(x=DIGITS, given=(), **model):
  config = get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'label': Field('label', (), 10)})
  config.given = given
  config.model.update(model)
  return config


def _batch(num=4):
  x = jax.random.randint(jax.random.key(0), (num, 8, 8, 1), 0, 17).astype(jnp.uint8)
  return {'x': x, 'label': jnp.arange(num) % 10}


@pytest.mark.parametrize(
  'size, start, doublings', [(8, 4, 1), (16, 4, 2), (28, 7, 2), (32, 4, 3), (64, 4, 4), (4, 4, 0), (20, 5, 2)]
)
def test_the_generator_starts_small(size, start, doublings):
  assert halvings(size) == (start, doublings)


@pytest.mark.parametrize('shape', [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
def test_shapes(shape):
  generator, discriminator = Generator(shape, 4, batch_norm=True), Discriminator(4, spectral_norm=True)

  def through(rng):
    z, given = jnp.zeros((2, 5)), {'label': jnp.zeros((2, 10))}
    x, _ = generator.init_with_output(rng, z, given, False)
    return x, discriminator.init_with_output(rng, x, given, False)[0]

  x, logits = jax.eval_shape(through, jax.random.key(0))
  assert x.shape == (2, *shape)
  assert logits.shape == (2,)


@pytest.mark.parametrize(
  'changes',
  [
    dict(),
    dict(spectral_norm=True, loss='hinge', batch_norm=False, given=('label',), discriminator_steps=2),
  ],
  ids=['batch_norm', 'spectral_norm'],
)
def test_two_steps_move_everything_and_samples_are_images(changes):
  config = _config(**changes)
  model, batch = build(config), _batch()
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))

  @jax.jit
  def step(state):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  for _ in range(2):
    state, metrics = step(state)
  for leaf in jax.tree.leaves((state.params, state.extra)):
    assert np.all(np.isfinite(leaf))
  moved = jax.tree.map(
    lambda old, new: bool(jnp.any(old != new)), (params, extra), (state.params, state.extra)
  )
  # The vectors of the spectral norm of a matrix with one column cannot move.
  still = [path for path, leaf in jax.tree_util.tree_leaves_with_path(moved) if not leaf]
  assert all('Dense_0' in str(path) for path in still), still
  assert np.isfinite(metrics['loss'].total)
  x = jax.jit(lambda rng: model.sample(state.params, state.extra, rng, 3))(jax.random.key(0))
  assert x.shape == (3, 8, 8, 1)
  assert x.dtype == jnp.uint8
  assert x.max() <= 16


def test_spectral_norm_bounds_the_slope():
  # Leaky ReLUs do not stretch, a normalized matrix does not, and a normalized 3x3 convolution by at most 3.
  discriminator = Discriminator(8, spectral_norm=True)
  x = jax.random.normal(jax.random.key(1), (16, 8, 8, 1))

  @jax.jit
  def slope_of(rng):
    variables = discriminator.init(rng, x, {}, False)
    return jax.grad(lambda x: discriminator.apply(variables, x, {}, False).sum())(x)

  slope = slope_of(jax.random.key(0))
  assert jnp.sqrt((slope**2).sum((1, 2, 3))).max() < 3 * 4


def test_a_config_without_an_optimizer_for_the_discriminator_says_what_to_do():
  config = _config()
  del config.discriminator_optimizer
  with pytest.raises(UserError, match='config.discriminator_optimizer is missing'):
    build(config)


def test_data_that_does_not_fit_says_what_to_do():
  for x, words in {
    Field('image', (8, 12, 1), 17): 'image_size',
    Field('vector', (2,), 0): 'jaxgen.models.gan.gan_mlp',
    Field('image', (9, 9, 1), 17): 'image_size',
  }.items():
    with pytest.raises(UserError, match=words):
      build(_config(x))
