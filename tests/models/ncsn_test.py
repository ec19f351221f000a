import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.ncsn_digits import get_config
from jaxgen import experiment, fields
from jaxgen.errors import UserError
from jaxgen.models.score.ncsn import ScoreNetwork, build
from jaxgen.types import DATA_AXIS, Field, State

IMAGE = Field('image', (8, 8, 1), 17)
SETTINGS = dict(
  annealed=dict(steps_per_level=1), predictor_corrector=dict(num_steps=4), heun=dict(num_steps=4)
)


def _config(x=IMAGE, given=(), sampler='heun', **model):
  config = experiment.completed(get_config('smoke'))
  config.sampler.update(dict(name=sampler, **SETTINGS))
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 10)}))
  config.given = given
  config.model.update(model)
  return config


def test_at_initialization_it_is_the_score_of_blurred_gaussian_data():
  model = build(_config(widths=(8,), sigma_data=0.75))
  params, extra = jax.jit(model.init)(jax.random.key(1), {})
  x, sigma = jax.random.normal(jax.random.key(0), (3, 8, 8, 1)), jnp.array([0.01, 1.0, 50.0])
  score = jax.jit(model.score)(params, extra, x, sigma)
  np.testing.assert_allclose(score, -x / (0.75**2 + sigma**2)[:, None, None, None], rtol=1e-5)


@pytest.mark.parametrize(
  ('name', 'knobs'),
  [
    ('annealed', {'temperature': 0.5}),
    ('predictor_corrector', {'steps': 3}),
    ('heun', {'steps': 1}),
  ],
)
def test_knobs_are_turned_in_a_compiled_program(name, knobs):
  model = build(_config(widths=(8,), sampler=name))
  params, extra = jax.eval_shape(model.init, jax.random.key(0), {})
  draw = functools.partial(model.sample, num=2, **knobs)
  assert jax.eval_shape(draw, params, extra, jax.random.key(0)).shape == (2, 8, 8, 1)


@pytest.mark.parametrize('shape, widths', [((28, 28, 1), (4, 8, 8)), ((32, 32, 3), (4, 4, 8, 8))])
def test_shapes(shape, widths):
  network = ScoreNetwork(widths, 2, dropout=0.1)

  def through(rng):
    x, given = jnp.zeros((2, *shape)), {'label': jnp.zeros((2, 10))}
    return network.init_with_output({'params': rng, 'dropout': rng}, x, jnp.ones(2), given, True)[0]

  assert jax.eval_shape(through, jax.random.key(0)).shape == (2, *shape)


@pytest.mark.slow
def test_training_lowers_the_loss_and_samples_are_images():
  config = _config(given=('label',), dropout=0.1, widths=(8,))
  config.num_steps = 60
  config.optimizer.warmup_steps = 0
  model = build(config)
  # Two images, one per class: the score at every level is soon better than that of Gaussian data.
  x = jnp.zeros((16, 8, 8, 1), jnp.uint8).at[::2, 2:6].set(16)
  batch = {'x': x, 'label': jnp.arange(16) % 2}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))

  def body(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics['loss'].total

  new, _ = jax.jit(lambda state: jax.lax.scan(body, state, length=60))(state)
  evaluate = jax.jit(lambda params: model.evaluate(params, extra, jax.random.key(2), batch)['loss'].mean())
  assert evaluate(new.params) < 0.9 * evaluate(params)
  x = jax.jit(lambda rng: model.sample(new.params, extra, rng, 3))(jax.random.key(0))
  assert x.shape == (3, 8, 8, 1)
  assert x.dtype == jnp.uint8


@pytest.mark.parametrize(
  'changes, words',
  [
    (dict(widths=(4, 4, 4, 4, 4)), 'divisible by 16'),
    (dict(path=dict(variance_exploding=dict(sigma_max=0.01))), 'sigma_max'),
  ],
)
def test_bad_settings_say_what_to_do(changes, words):
  with pytest.raises(UserError, match=words):
    build(_config(**changes))


@pytest.mark.parametrize(
  'name, words',
  [
    ('annealed', '5 evaluations'),  # 4 levels, and denoising
    ('predictor_corrector', '7 evaluations'),
    ('heun', '7 evaluations'),
  ],
)
def test_the_config_chooses_the_way_to_samples(name, words):
  assert words in build(_config(sampler=name)).objective


def test_data_that_does_not_fit_says_what_to_do():
  with pytest.raises(UserError, match='for vectors there is jaxgen.models.score.ncsn_mlp'):
    build(_config(Field('vector', (2,), 0)))
