"""Progressive growing: which layers a phase has, what moves in it, and that a run may be cut anywhere."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.progan_mnist import get_config
from jaxgen import fields, train
from jaxgen.errors import UserError
from jaxgen.families.gan import Growth
from jaxgen.families.gan.growth import averaged, seen_at
from jaxgen.models.gan.progan import Generator, build
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.uses import asked

DIGITS, LABEL = Field('image', (16, 16, 1), 17), Field('label', (), 10)

RATES = {
  'generator': get_config().optimizer.learning_rate,
  'discriminator': get_config().discriminator_optimizer.learning_rate,
}


def _config(x=DIGITS, **model):
  config = get_config('smoke')
  config.num_steps = 20
  config.data.fields = fields.to_dict({'x': x, 'label': LABEL})
  config.model.update(dict(stable_steps=2, fade_steps=2) | model)
  return config


def _batch():
  x = jax.random.randint(jax.random.key(0), (8, 16, 16, 1), 0, 17).astype(jnp.uint8)
  return {'x': x, 'label': jnp.arange(8)}


@pytest.fixture(scope='module')
def run():
  """A model of images of 4, 8 and 16 pixels, its states at every step, and how often the step was traced."""
  model = build(_config(penalty=''))  # a gradient of gradients takes long to compile, and does not grow
  params, extra = jax.jit(model.init)(jax.random.key(0), _batch())
  states = [State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))]

  traced = []

  @jax.jit
  def step(state):
    traced.append(state)  # jax counts what it keeps, and may have thrown this program away by the end
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), _batch())
    return state._replace(step=state.step + 1), metrics

  for _ in range(10):
    states.append(step(states[-1])[0])
  return model, states, len(traced)


def test_the_level_follows_from_the_step():
  growth = Growth(levels=3, stable=2, fade=4)
  levels = [float(growth.level(jnp.int32(step))) for step in range(16)]
  assert levels == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1.25, 1.5, 1.75, 2, 2, 2, 2]
  assert growth.steps == 12


def test_layers_that_no_phase_has_reached_stay_as_they_are_bit_for_bit(run):
  """Levels at steps 0 to 9 are 0, 0, 0, 1/2, 1, 1, 1, 3/2, 2, 2; each resolution has layers of its own."""
  _, states, traced = run
  assert traced == 1
  of_level = {
    0: {'generator': ('first', 'images_0'), 'discriminator': ('images_0', 'ending')},
    1: {'generator': ('doublings_0', 'images_1'), 'discriminator': ('images_1', 'halvings_0')},
    2: {'generator': ('doublings_1', 'images_2'), 'discriminator': ('images_2', 'halvings_1')},
  }
  first_step = {0: 0, 1: 3, 2: 7}
  for level, players in of_level.items():
    for player, layer in ((player, layer) for player, layers in players.items() for layer in layers):
      start, before, after = (
        states[step].params[player][layer] for step in (0, first_step[level], first_step[level] + 1)
      )
      jax.tree.map(np.testing.assert_array_equal, start, before)
      lengths = jax.tree.leaves(jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), before, after))
      # Adam's first step is as long as its rate; its fourth would be twice that, with second moments from zero.
      assert all(0 < length < 1.01 * RATES[player] for length in lengths), (player, layer, lengths)


def test_samples_are_of_the_resolution_that_was_reached(run):
  model, states, _ = run
  draw = jax.jit(lambda state: model.sample(state.params, state.extra, jax.random.key(0), 3))
  for step, size in [(1, 4), (6, 2), (10, 1)]:
    x = np.asarray(draw(states[step]), np.float32)
    assert x.shape == (3, 16, 16, 1)
    np.testing.assert_array_equal(x, averaged(x, size))
    assert size == 4 or not np.array_equal(x, averaged(x, 2 * size))


def test_half_way_an_image_is_of_both_levels_in_equal_parts():
  networks = [Generator((8, 8, 1), 4, index) for index in (0, 1)]
  z = jax.random.normal(jax.random.key(1), (3, 5))
  variables = networks[1].init(jax.random.key(0), z, {}, train=False)
  assert set(variables['params']) == {'first', 'doublings_0', 'images_0', 'images_1'}

  def image(index, level):
    own = {**variables, 'growth': {'level': jnp.float32(level)}}
    return networks[index].apply(own, z, {}, train=False)

  np.testing.assert_allclose(
    image(1, 0.25), 0.25 * image(1, 1.0) + 0.75 * image(0, 0.0), rtol=1e-5, atol=1e-6
  )


def test_real_images_fade_with_the_generated_ones():
  x = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))
  extra = {'discriminator': {'growth': {'level': jnp.float32(0.25)}}}
  np.testing.assert_array_equal(seen_at(0, 2, extra, x), averaged(x, 2))
  np.testing.assert_allclose(seen_at(1, 2, extra, x), 0.25 * x + 0.75 * averaged(x, 2), rtol=1e-6)


@pytest.mark.slow
def test_a_run_cut_in_a_fading_phase_ends_in_the_same_parameters(tmp_path, capsys):
  """Images of 4, 8 and 16 pixels; of steps 0, 1, 2, ... levels are 0, 0, 1/2, 1, 1, 3/2 and 2."""
  config = get_config('smoke')
  config.data.name = 'digits'
  config.data.image_size = 16
  config.model.update(dict(stable_steps=1, fade_steps=2))
  config.update(dict(num_steps=8, checkpoint_every=2, eval_every=0, sample_every=0, keep_checkpoints=8))
  whole = train.train(config, tmp_path)
  for step in (4, 6, 8):
    shutil.rmtree(tmp_path / 'checkpoints' / str(step))
  resumed = train.train(config, tmp_path)
  assert 'resumed  at step 2 of 8' in capsys.readouterr().out
  jax.tree.map(np.testing.assert_array_equal, jax.device_get(whole), jax.device_get(resumed))


def test_there_is_nothing_to_turn(run):
  model, _, _ = run
  with pytest.raises(UserError, match='truncation turns nothing of this model; it has no knobs'):
    asked.knobs({'truncation': '0.5'}, model)


def test_images_that_have_not_grown_up_when_the_run_ends_are_refused():
  for steps, whole in [(8, False), (9, True)]:
    config = _config()
    config.num_steps = steps
    if whole:
      assert 'images grow until step 8' in build(config).objective
    else:
      with pytest.raises(UserError, match='grow to 16 pixels until step 8, and the run ends at 8'):
        build(config)


@pytest.mark.parametrize(
  'x', [Field('image', (8, 12, 1), 17), Field('vector', (2,), 0), Field('image', (9, 9, 1), 17)]
)
def test_data_that_does_not_fit_says_what_to_do(x):
  with pytest.raises(UserError, match='Progressive growing needs square images'):
    build(_config(x))
