"""StyleGAN2: its size, its styles, its noise, and what training moves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.stylegan_digits import get_config
from jaxgen import experiment, fields
from jaxgen.errors import UserError
from jaxgen.models.gan.stylegan import Discriminator, Generator, build, num_styles
from jaxgen.types import DATA_AXIS, Field, State

DIGITS, LABEL = Field('image', (8, 8, 1), 17), Field('label', (), 10)
SMALL = Generator((8, 8, 1), 8, 6, mapping_layers=2, mapping_rate=0.01, style_mixing=1.0)


@jax.jit
def _variables(z):
  return SMALL.init(jax.random.key(0), z, {}, train=False)


def _config(x=DIGITS, given=(), **model):
  config = get_config('smoke')
  config.data.fields = fields.to_dict({'x': x, 'label': LABEL})
  config.given = given
  config.model.update(model)
  return config


def _batch(num=8):
  x = jax.random.randint(jax.random.key(0), (num, 8, 8, 1), 0, 17).astype(jnp.uint8)
  return {'x': x, 'label': jnp.arange(num) % 10}


@pytest.fixture(scope='module')
def trained():
  """A model after three steps, and the states on the way; the generator moves at every other step."""
  model = build(_config(discriminator_steps=2, path_length_period=1))
  params, extra = jax.jit(model.init)(jax.random.key(0), _batch())
  states = [State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))]

  @jax.jit
  def step(state):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), _batch())
    return state._replace(step=state.step + 1), metrics

  rows = []
  for _ in range(3):
    state, metrics = step(states[-1])
    states.append(state)
    rows.append(metrics)
  return model, states, rows


@pytest.mark.parametrize(
  ('size', 'width', 'generator', 'discriminator'),
  [
    # config F at 1024x1024: the discriminator's is in logs of the release, the generator's by its formulas
    (1024, 32, 30_370_060, 29_012_513),
    # config F at 256x256, and with half of the channels, as in the later release for 256x256: its formulas, by hand
    (256, 128, 30_034_338, 28_864_129),
    (256, 64, 24_767_458, 24_001_089),
  ],
)
def test_it_is_of_the_published_size(size, width, generator, discriminator):
  shape = (size, size, 3)
  networks = {
    generator: (Generator(shape, width, 512, 8, 0.01, 0.9), (jnp.zeros((1, 512)), {})),
    discriminator: (Discriminator(width), (jnp.zeros((1, *shape)), {})),
  }
  for count, (network, inputs) in networks.items():

    def init(rng, network=network, inputs=inputs):
      return network.init(rng, *inputs, train=False)

    params = jax.eval_shape(init, jax.random.key(0))['params']
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


def test_training_moves_every_parameter_and_the_mean_style_with_the_generator(trained):
  _, states, rows = trained
  moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), states[0].params, states[-1].params)
  still = [path for path, leaf in jax.tree_util.tree_leaves_with_path(moved) if not leaf]
  assert not still
  means = [np.asarray(state.extra['generator']['statistics']['mean_style']) for state in states]
  assert [np.array_equal(a, b) for a, b in zip(means, means[1:], strict=False)] == [False, True, False]
  lengths = [float(state.extra['generator_penalty']['path_length']) for state in states]
  assert lengths[0] == 0 < lengths[1] == lengths[2] < lengths[3]
  np.testing.assert_allclose(rows[0]['path_length'].total / rows[0]['path_length'].count, lengths[1])
  assert all(np.isfinite(row['loss'].total) for row in rows)


def test_a_young_model_has_no_weight_that_explodes(trained):
  """Kept weights of the mapping network are a hundred times as large as they are used."""
  model, states, _ = trained
  terms = jax.jit(model.evaluate)(states[0].params, states[0].extra, jax.random.key(0), _batch())
  assert float(terms['generator_spectral_norm'][0]) < 30


def test_samples_are_a_function_of_their_key_noise_and_all(trained):
  model, states, _ = trained
  params, extra = states[-1].params, states[-1].extra
  draw = jax.jit(lambda rng, **knobs: model.sample(params, extra, rng, 4, **knobs))
  x = draw(jax.random.key(0))
  assert x.shape == (4, 8, 8, 1) and x.dtype == jnp.uint8 and x.max() <= 16
  np.testing.assert_array_equal(x, draw(jax.random.key(0)))
  np.testing.assert_array_equal(x, draw(jax.random.key(0), truncation=1.0))
  assert not np.array_equal(x, draw(jax.random.key(1)))


def test_truncation_moves_styles_towards_their_mean():
  z = jax.random.normal(jax.random.key(2), (5, 6))
  variables = _variables(z)
  mean = jnp.arange(6.0)
  variables = {**variables, 'statistics': {'mean_style': mean}}
  styles = SMALL.apply(variables, z, {}, method='styles')
  images = jax.jit(lambda z, psi: SMALL.apply(variables, z, {}, train=False, truncation=psi))
  synthesis = jax.jit(lambda styles: SMALL.apply(variables, styles, {}, method='synthesis'))
  for psi in (1.0, 0.5, 0.0):
    found = images(z, psi)
    expected = synthesis(mean + psi * (styles - mean))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(found, jnp.broadcast_to(found[:1], found.shape), rtol=1e-5, atol=1e-6)


def test_in_training_images_have_two_styles_the_second_from_a_layer_on():
  z, num = jax.random.normal(jax.random.key(2), (64, 6)), num_styles((8, 8, 1))
  variables = _variables(z)
  own = SMALL.apply(variables, z, {}, method='styles')
  mixed = SMALL.apply(variables, own, z.shape, {}, method='_mixed', rngs={'noise': jax.random.key(3)})
  kept = np.asarray((own == mixed).all(-1))  # [64, layers]
  assert kept[:, 0].all() and not kept[:, -1].any()
  assert (kept[:, :-1] >= kept[:, 1:]).all()
  assert set(kept.sum(1)) == set(range(1, num))


def test_only_the_direction_of_a_latent_counts():
  z = jax.random.normal(jax.random.key(2), (3, 6))
  variables = _variables(z)
  images = jax.jit(lambda z: SMALL.apply(variables, z, {}, train=False))
  both = [images(size * z) for size in (1.0, 5.0)]
  np.testing.assert_allclose(*both, rtol=1e-4, atol=1e-5)


def test_the_averaged_generator_has_a_mean_style_of_its_own(trained):
  model, states, _ = trained
  weights = experiment.weights(model, states[-1], seed=0)['averaged']
  z = jax.random.normal(jax.random.key(5), (2000, 8))
  generator = Generator((8, 8, 1), 4, 8, mapping_layers=4, mapping_rate=0.01, style_mixing=0.9)
  variables = {'params': weights.params['generator'], **weights.extra['generator']}
  styles = generator.apply(variables, z, {}, method='styles')[:, 0]
  found = weights.extra['generator']['statistics']['mean_style']
  assert np.abs(found - styles.mean(0)).max() < 0.2 * styles.std()


@pytest.mark.slow
def test_labels_make_other_images_and_other_logits():
  model = build(_config(given=('label',)))
  params, extra = jax.jit(model.init)(jax.random.key(0), _batch())
  z = jnp.broadcast_to(jax.random.normal(jax.random.key(1), (8,)), (3, 8))
  images = model.decode(params, extra, z, {'label': jnp.array([1, 2, 1])})
  assert np.array_equal(images[0], images[2]) and not np.array_equal(images[0], images[1])
  batches = [{**_batch(), 'label': jnp.full(8, label)} for label in (1, 2)]
  logits = [model.evaluate(params, extra, jax.random.key(2), batch)['real_logit'] for batch in batches]
  assert not np.allclose(*logits)


@pytest.mark.parametrize(
  'x', [Field('image', (8, 12, 1), 17), Field('vector', (2,), 0), Field('image', (9, 9, 1), 17)]
)
def test_data_that_does_not_fit_says_what_to_do(x):
  with pytest.raises(UserError, match='StyleGAN2 needs square images'):
    build(_config(x))


@pytest.mark.slow
def test_spectral_norms_are_those_of_the_layers_as_they_are_used_that_of_labels_too():
  model = build(_config(given=('label',), mapping_rate=0.01))
  params, extra = jax.jit(model.init)(jax.random.key(0), _batch())
  found = jax.jit(model.evaluate)(params, extra, jax.random.key(0), _batch())['generator_spectral_norm'][0]
  layer = params['generator']['map']['embedding']['kernel']  # of one-hot labels, at the rate of all others
  larger = jax.tree_util.tree_map(lambda leaf: 1e3 * leaf if leaf is layer else leaf, params)
  used = 1e3 * jnp.linalg.norm(layer, 2) / jnp.sqrt(layer.shape[0])
  assert found < used / 10
  raised = jax.jit(model.evaluate)(larger, extra, jax.random.key(0), _batch())['generator_spectral_norm'][0]
  np.testing.assert_allclose(raised, used, rtol=0.02)
