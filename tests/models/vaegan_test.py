import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.vaegan_digits import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.gan.vaegan import build
from jaxgen.types import DATA_AXIS, Field, State

X, LABEL = Field('image', (8, 8, 1), 17), Field('label', (), 10)


def _config(x=X, given=(), **model):
  config = get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'label': LABEL})
  config.given = given
  config.model.update(model)
  return config


@pytest.fixture(scope='module')
def trained():
  """A model, eight images, the state after each of 100 steps on them, and what was said."""
  model = build(_config(reconstruction_weight=1.0))
  x = np.random.default_rng(0).integers(0, 2, (8, 2, 2, 1)).repeat(4, 1).repeat(4, 2) * 16
  batch = {'x': x.astype(np.uint8)}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  return model, batch, *jax.jit(lambda state: jax.lax.scan(step, state, length=100))(state)


def test_all_three_networks_move_and_reconstructions_near_their_images(trained):
  model, batch, state, metrics = trained
  assert set(state.params) == {'encoder', 'generator', 'discriminator'}
  assert all(np.isfinite(metrics[name].total).all() for name in ('loss', 'kl', 'generator_loss'))
  latents = jax.jit(model.encode)(state.params, state.extra, jax.random.key(0), batch)
  again = np.asarray(jax.jit(model.decode)(state.params, state.extra, latents), int)
  assert np.abs(again - batch['x']).mean() < 5  # levels of 17; 8 between one image and another
  assert (
    'against kl + reconstruction of the encoder and 1 * reconstruction + generator_loss' in model.objective
  )


def test_the_discriminator_is_told_samples_and_reconstructions_as_generated(trained):
  """The mean of both, by the terms of an evaluation: those of samples alone follow from the logits."""
  model, batch, state, _ = trained
  terms = jax.jit(model.evaluate)(state.params, state.extra, jax.random.key(0), batch)
  assert all(value.shape == (8,) for value in terms.values())
  of_samples = np.logaddexp(0, -terms['real_logit']) + np.logaddexp(0, terms['fake_logit'])
  of_reconstructions = 2 * terms['loss'] - of_samples
  fake_logits = np.log(np.expm1(of_reconstructions - np.logaddexp(0, -terms['real_logit'])))
  np.testing.assert_allclose(
    terms['generator_loss'],
    (np.logaddexp(0, -terms['fake_logit']) + np.logaddexp(0, -fake_logits)) / 2,
    rtol=1e-3,
  )


@pytest.mark.parametrize('given', [(), ('label',)])
def test_it_encodes_decodes_and_draws(given):
  model = build(_config(given=given))
  batch = fields.blank({'x': X, 'label': LABEL}, 3)
  conditions = {name: batch[name] for name in given} or None

  def used(rng):
    params, extra = model.init(rng, batch)
    model.evaluate(params, extra, rng, batch)
    latents = model.encode(params, extra, rng, batch)
    assert latents.shape == model.latents(params, extra, rng, 3).shape == (3, 4)
    return model.decode(params, extra, latents, conditions), model.sample(params, extra, rng, 3, conditions)

  for x in jax.eval_shape(used, jax.random.key(0)):
    assert (x.shape, x.dtype) == ((3, 8, 8, 1), jnp.uint8)


@pytest.mark.parametrize('x', [Field('vector', (2,), 0), Field('image', (45, 45, 1), 256)])
def test_what_cannot_be_halved_is_refused(x):
  with pytest.raises(UserError, match='A convolutional GAN needs'):
    build(_config(x))
