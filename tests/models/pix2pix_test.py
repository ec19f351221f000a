import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.translate_digits import get_config
from jaxgen import fields
from jaxgen.data.transformations.twins import transformed
from jaxgen.errors import UserError
from jaxgen.models.gan.pix2pix import build
from jaxgen.types import DATA_AXIS, Field, State

X = Field('image', (4, 4, 1), 17)


def _config(x=X, y=X, given=('y',), **model):
  config = get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'y': y, 'label': Field('label', (), 10)})
  config.given = given
  config.model.update(model)
  return config


def _trained(model, batch, num):
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  return jax.jit(lambda state: jax.lax.scan(step, state, length=num))(state)


@pytest.mark.slow
def test_it_learns_a_rotation_and_an_inversion_from_pairs():
  config = _config(width=16)
  config.optimizer.update(dict(learning_rate=1e-2, schedule='constant'))
  model = build(config)
  x = np.random.default_rng(0).integers(0, 17, (64, 4, 4, 1)).astype(np.uint8)
  batch = {'x': x, 'y': transformed(x, ('inverted', 'rotated'), 17)}
  state, metrics = _trained(model, batch, 300)
  assert np.isfinite(metrics['loss'].total).all() and np.isfinite(metrics['generator_loss'].total).all()
  draw = jax.jit(model.sample, static_argnums=3)
  again = draw(state.params, state.extra, jax.random.key(2), 64, {'y': batch['y']})
  assert again.dtype == jnp.uint8
  error = np.abs(np.asarray(again, int) - x)
  assert error.mean() < 1.5  # levels of 17; 5.6 between one image and another
  terms = jax.jit(model.evaluate)(state.params, state.extra, jax.random.key(2), batch)
  np.testing.assert_allclose(terms['l1'].mean(), error.mean() / 8, rtol=0.1)
  assert '+ 100 * generator_penalty' in model.objective


@pytest.mark.parametrize(
  ('y', 'given'),
  [(Field('image', (2, 2, 3), 256), ('y',)), (Field('image', (8, 6, 1), 17), ('label', 'y'))],
  ids=['from fewer pixels', 'with labels'],
)
def test_images_of_another_size_and_labels_may_be_given(y, given):
  model = build(_config(y=y, given=given))
  batch = fields.blank({'x': X, 'y': y, 'label': Field('label', (), 10)}, 3)
  conditions = {name: batch[name] for name in given}

  def translated(rng):
    params, extra = model.init(rng, batch)
    model.evaluate(params, extra, rng, batch)
    return model.sample(params, extra, rng, 3, conditions)

  drawn = jax.eval_shape(translated, jax.random.key(0))
  assert (drawn.shape, drawn.dtype) == ((3, 4, 4, 1), jnp.uint8)


@pytest.mark.parametrize(
  'changes',
  [dict(given=()), dict(x=Field('vector', (2,), 0)), dict(y=Field('vector', (2,), 0))],
)
def test_what_is_no_translation_of_images_is_refused(changes):
  with pytest.raises(UserError, match='pix2pix makes images of an image y that is given'):
    build(_config(**changes))


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    (dict(generator='unet', halvings=3), 'unet cannot halve images of 4x4 pixels 3 times'),
    (dict(discriminator='patch', discriminator_halvings=1), 'leave no patch to judge'),
  ],
)
def test_sizes_that_a_network_cannot_halve_are_refused(changes, message):
  with pytest.raises(UserError, match=message):
    build(_config(**changes))


@pytest.mark.parametrize('given', [('y',), ('label', 'y')])
def test_a_unet_has_a_latent_for_each_unit_that_it_may_drop(given):
  config = _config(given=given, generator='unet', halvings=2, width=4)
  model = build(config)
  batch = fields.blank({'x': X, 'y': X, 'label': Field('label', (), 10)}, 3)
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  assert model.latents(params, extra, jax.random.key(1), 3).shape == (3, 2 * 2 * 4)
  conditions = {name: batch[name] for name in given}
  draw = jax.jit(
    lambda rng, temperature: model.sample(params, extra, rng, 3, conditions, temperature=temperature)
  )
  drawn = draw(jax.random.key(1), 1.0)
  assert (drawn.shape, drawn.dtype) == ((3, 4, 4, 1), jnp.uint8)
  # Without noise each unit is what it is in the mean, and one y has one translation.
  colder = [draw(jax.random.key(seed), 0.0) for seed in (1, 2)]
  np.testing.assert_array_equal(*colder)
