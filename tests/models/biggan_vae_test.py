import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.biggan_vae_digits import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.gan import biggan, biggan_deep
from jaxgen.models.vae.biggan_vae import build
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.updates import AVERAGED, averaged_params


def _config(x, **model):
  config = get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'label': Field('label', (), 10)})
  config.model.update(model)
  return config


def _shapes(tree):
  return jax.tree.map(jnp.shape, tree)


@pytest.mark.parametrize('latent_dim', [128, 256, 512])
@pytest.mark.parametrize('deep', [False, True], ids=['normal', 'deep'])
def test_it_is_the_discriminator_and_the_generator_of_its_twin(deep, latent_dim):
  """But for the last layer of the encoder, which has 2 z numbers in the place of a logit, and sees the label."""
  config = _config(Field('image', (32, 32, 3), 256), deep=deep, latent_dim=latent_dim, width=4, attention=16)
  params, _ = jax.eval_shape(lambda: build(config).init(jax.random.key(0), {}))
  parts = biggan_deep.PARTS if deep else biggan.PARTS
  generator, trunk = biggan.networks(config, parts, (32, 32, 3))
  z, given, image = jnp.zeros((1, latent_dim)), {'label': jnp.zeros((1, 10))}, jnp.zeros((1, 32, 32, 3))
  of_generator = jax.eval_shape(lambda: generator.init(jax.random.key(0), z, given, train=False))['params']
  of_trunk = jax.eval_shape(lambda: trunk.init(jax.random.key(0), image, train=False))['params']
  assert _shapes(params['decoder']) == {'generator': _shapes(of_generator)}
  assert _shapes(params['encoder'].pop('trunk')) == _shapes(of_trunk)
  (head,) = params['encoder'].values()
  assert _shapes(head) == {'bias': (2 * latent_dim,), 'kernel': (16 * 4 + 10, 2 * latent_dim)}


@pytest.fixture(scope='module')
def trained():
  """A model, eight images and the state after each of 60 steps on them."""
  config = _config(Field('image', (8, 8, 1), 17))
  config.optimizer.update(dict(learning_rate=3e-3, schedule='constant'))
  model = build(config)
  x = np.random.default_rng(0).integers(0, 2, (8, 2, 2, 1)).repeat(4, 1).repeat(4, 2) * 16
  batch = {'x': x.astype(np.uint8), 'label': np.arange(8)}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  return model, batch, *jax.jit(lambda state: jax.lax.scan(step, state, length=60))(state)


@pytest.mark.slow
def test_the_loss_falls(trained):
  *_, metrics = trained
  loss = metrics['reconstruction'].total / 8
  assert np.isfinite(loss).all() and loss[-10:].mean() < 0.6 * loss[:3].mean()


@pytest.mark.slow
def test_averaged_weights_have_averaged_batch_statistics(trained):
  model, batch, state, _ = trained
  assert set(state.extra[AVERAGED]) == {'decoder'}  # a discriminator has none, and so the encoder
  averaged = model.standing(state.params, state.extra, jax.random.key(0))
  newest, found = (extra['decoder']['batch_stats'] for extra in (state.extra, averaged))
  assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a != b).any()), newest, found)))
  params = averaged_params(state)
  given = {'label': batch['label']}
  latents = model.encode(params, averaged, jax.random.key(0), batch)
  assert (latents.shape, model.decode(params, averaged, latents, given).dtype) == ((8, 4), jnp.uint8)


@pytest.mark.parametrize(
  ('x', 'changes', 'message'),
  [
    (Field('vector', (2,), 0), {}, 'images'),
    (Field('image', (4, 4, 1), 17), {}, 'cannot halve'),
    (Field('image', (8, 8, 1), 17), dict(latent_dim=1), 'does not give a part of z to each of 2 sides'),
    (Field('image', (8, 8, 1), 17), dict(attention=4), 'is no side that both networks have; set it to 0'),
  ],
)
def test_what_does_not_fit_is_refused(x, changes, message):
  with pytest.raises(UserError, match=message):
    build(_config(x, **changes))
