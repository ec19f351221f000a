import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.translate_digits_unpaired import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.gan.cyclegan import build
from jaxgen.types import DATA_AXIS, Field, State

X, Y = Field('image', (4, 4, 1), 17), Field('image', (4, 4, 1), 17)


def _config(x=X, y=Y, given=(), **model):
  config = get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, **({'y': y} if y else {})})
  config.given = given
  config.model.update(model)
  return config


def _batch(num, y=Y):
  noise = np.random.default_rng(0)
  draw = lambda field: noise.integers(0, field.levels, (num, *field.shape)).astype(np.uint8)  # noqa: E731
  return {'x': draw(X), 'y': draw(y)}


def _trained(model, batch, num):
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  first = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  return first, *jax.jit(lambda state: jax.lax.scan(step, state, length=num))(first)


def test_all_four_networks_move_and_cycles_come_back():
  config = _config(width=16, identity_weight=1.0)
  for optimizer in (config.optimizer, config.discriminator_optimizer):
    optimizer.schedule = 'constant'  # the preset's few steps are not those of this test
  config.optimizer.learning_rate = 3e-3
  model = build(config)
  batch = _batch(32)
  first, state, metrics = _trained(model, batch, 400)
  moved = jax.tree.map(lambda a, b: bool((a != b).any()), first.params, state.params)
  assert set(moved) == {'to_x', 'to_y', 'judge_x', 'judge_y'}
  assert all(any(jax.tree.leaves(network)) for network in moved.values())
  for name in ('x_cycle', 'y_cycle'):
    assert metrics[name].total[-1] < 0.4 * metrics[name].total[0]
  assert metrics['x_identity'].total[-1] < metrics['x_identity'].total[0]
  terms = jax.jit(model.evaluate)(state.params, state.extra, jax.random.key(0), batch)
  np.testing.assert_allclose(
    terms['loss'], terms['x_discriminator_loss'] + terms['y_discriminator_loss'], rtol=1e-5
  )

  @jax.jit
  def there_and_back(params, extra):
    return model.decode(params, extra, model.encode(params, extra, jax.random.key(0), batch))

  again = there_and_back(state.params, state.extra)
  assert np.abs(again.astype(int) - batch['x']).mean() < 3  # levels of 17; 5.6 between one image and another
  assert 'against generator_loss (least_squares) + 10 * cycle + 1 * identity' in model.objective


@pytest.mark.slow
def test_domains_may_differ_in_shape_and_samples_are_translations_of_examples_of_y():
  y = Field('image', (2, 3, 3), 256)
  model, batch = build(_config(y=y)), _batch(5, y)
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  there = model.encode(params, extra, jax.random.key(0), batch)
  assert (there.shape, there.dtype) == ((5, 2, 3, 3), jnp.uint8)
  latents = model.latents(params, extra, jax.random.key(1), 8)
  assert (latents[:, None] == batch['y'][None]).all((2, 3, 4)).any(1).all()
  drawn = model.sample(params, extra, jax.random.key(1), 8)
  np.testing.assert_array_equal(drawn, model.decode(params, extra, latents))
  assert (drawn.shape, drawn.dtype) == ((8, 4, 4, 1), jnp.uint8)
  with pytest.raises(ValueError, match='trained without label'):
    model.sample(params, extra, jax.random.key(1), 8, {'label': jnp.zeros(8, int)})


def _published(**changes):
  sizes = Field('image', (8, 8, 1), 17)
  return _config(
    sizes, sizes, generator='resnet', halvings=1, discriminator='patch', discriminator_halvings=1, **changes
  )


@pytest.mark.slow
def test_the_pool_changes_what_the_discriminators_see_once_it_is_full_and_nothing_before():
  noise = np.random.default_rng(0)
  batch = {name: noise.integers(0, 17, (8, 8, 8, 1)).astype(np.uint8) for name in 'xy'}
  states = {}
  for pool in (0, 8, 32):
    _, states[pool], _ = _trained(build(_published(pool=pool)), batch, 3)
  assert 'pool' not in states[0].extra
  filled = {pool: int(states[pool].extra['pool']['x']['filled']) for pool in (8, 32)}
  assert filled == {8: 8, 32: 24}
  same = jax.tree.map(np.array_equal, states[0].params, states[32].params)
  assert all(jax.tree.leaves(same))
  judges = [states[pool].params['judge_x'] for pool in (0, 8)]
  assert not any(jax.tree.leaves(jax.tree.map(np.array_equal, *judges)))


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    (dict(y=None), 'needs two domains of images'),
    (dict(given=('y',)), 'nothing that is given'),
    (dict(x=Field('vector', (2,), 0)), 'needs two domains of images'),
    (
      dict(y=Field('image', (2, 2, 1), 17), identity_weight=1.0),
      'identity_weight is of domains of one shape',
    ),
    (dict(generator='resnet', halvings=2), 'resnet cannot halve images of 4x4 pixels 2 times'),
    (
      dict(x=Field('image', (45, 45, 3), 256), y=Field('image', (45, 45, 3), 256), generator='resnet'),
      'larger multiple of 4',
    ),
    (dict(discriminator='patch', discriminator_halvings=1), '4x4 images halved 1 times leave no patch'),
    (dict(pool=33), 'pool=33 holds more than the 32 translations that 4 steps of 8 examples make'),
  ],
)
def test_what_are_no_two_domains_is_refused(changes, message):
  with pytest.raises(UserError, match=message):
    build(_config(**changes))
