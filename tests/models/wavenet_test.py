"""What a WaveNet may be of, what a sample costs, and what its mixtures are densities of."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config import defaults
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import autoregressive, token_by_token
from jaxgen.losses.logistic_mixture import LogisticMixture, logistic_mixture_log_masses
from jaxgen.models.autoregressive import wavenet
from jaxgen.models.autoregressive.wavenet import WaveNet
from jaxgen.types import Field

LENGTH, LEVELS = 12, 300
SOUND = Field('audio', (LENGTH, 1), LEVELS)
GIVEN = {
  'pitch': Field('label', (), 3),
  'timbre': Field('vector', (2,), 0),
  'notes': Field('audio', (4, 1), 5),
  'loudness': Field('audio', (6, 2), 0),
}


def config_of(x=SOUND, given=None, **changes):
  config = defaults()
  config.module = wavenet.__name__
  config.data = ConfigDict(dict(fields=fields.to_dict({'x': x, **(given or {})})))
  config.given = tuple(given or ())
  small = dict(width=4, skip_width=6, num_dilations=2, num_cycles=2, components=2)
  config.model = ConfigDict({name: key.default for name, key in wavenet.KEYS.items()} | {**small, **changes})
  return config


@pytest.mark.parametrize(
  ('x', 'given', 'message'),
  [
    (Field('image', (4, 4, 1), 5), {}, r'wavenet models sound of one channel, not image data of shape'),
    (Field('audio', (8, 2), 5), {}, r'not audio data of shape \(8, 2\)'),
    (Field('audio', (8, 1), 0), {}, r'with continuous values; --config.data.name=audio:strings'),
    (SOUND, {'y': Field('image', (4, 4, 1), 5)}, 'y is image data; take it out of config.given'),
    (SOUND, {'notes': Field('audio', (5, 1), 3)}, 'notes has 5 steps, of which the 12 samples'),
  ],
)
def test_what_it_cannot_model_is_named(x, given, message):
  with pytest.raises(UserError, match=message):
    wavenet.build(config_of(x, given))


@pytest.mark.parametrize(('kernel', 'seen'), [(2, 7), (3, 13)])
def test_it_says_how_much_it_sees(kernel, seen):
  assert f'of the last {seen} samples' in wavenet.build(config_of(kernel=kernel)).objective


@pytest.fixture(scope='module', params=['categorical', 'logistics'])
def conditioned(request):
  """Two chains on every kind of condition, of the queues and of the whole network at every sample."""
  config = config_of(given=GIVEN, distribution=request.param)
  quick = wavenet.build(config)
  # as if nothing were kept: the same distribution on the same network
  naive = autoregressive(
    wavenet.network(config),
    tx=optax.sgd(0.1),
    ema_decay=0.0,
    x=SOUND,
    given=GIVEN,
    distribution=wavenet.DISTRIBUTIONS[request.param](LEVELS, 2),
  )
  noise = np.random.default_rng(0)
  shapes, extra = jax.eval_shape(quick.init, jax.random.key(0), {})
  params = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)
  given = {
    'pitch': jnp.array([0, 2]),
    'timbre': jnp.asarray(noise.normal(size=(2, 2)), jnp.float32),
    'notes': jnp.asarray(noise.integers(0, 5, (2, 4, 1)), jnp.uint8),
    'loudness': jnp.asarray(noise.normal(size=(2, 6, 2)), jnp.float32),
  }
  return quick, naive, params, extra, given


def test_queues_give_the_samples_of_the_whole_network_on_every_kind_of_condition(conditioned):
  quick, naive, params, extra, given = conditioned
  draws = [
    jax.jit(partial(model.sample, params, extra), static_argnums=1)(jax.random.key(1), 2, given)
    for model in (quick, naive)
  ]
  np.testing.assert_array_equal(*draws)
  assert draws[0].shape == (2, LENGTH, 1) and draws[0].dtype == jnp.int32 and draws[0].max() > 255


def test_every_condition_moves_the_likelihood_of_its_own_example_alone(conditioned):
  quick, _, params, extra, given = conditioned
  x = jax.random.randint(jax.random.key(2), (2, LENGTH, 1), 0, LEVELS)
  score = jax.jit(lambda given: quick.log_prob(params, extra, None, {'x': x, **given}))
  before = score(given)
  changed = {
    'pitch': jnp.array([1, 2]),
    'timbre': given['timbre'].at[0].add(1),
    'notes': given['notes'].at[0, 3].set(given['notes'][0, 3] + 1),
    'loudness': given['loudness'].at[0, 5].add(1),
  }
  for name, value in changed.items():
    moved = score({**given, name: value}) != before
    assert moved.tolist() == [True, False], name


def test_the_log_masses_of_samples_add_up_to_the_log_probability(conditioned):
  quick, _, params, extra, given = conditioned
  x = jax.random.randint(jax.random.key(2), (2, LENGTH, 1), 0, LEVELS)
  batch = {'x': x, **given}
  by_entry = jax.jit(quick.entry_log_mass)(params, extra, batch)
  assert by_entry.shape == x.shape
  density = jax.jit(partial(quick.log_prob, params, extra, None))(batch)
  np.testing.assert_allclose(by_entry.sum((1, 2)), density - LENGTH * np.log(LEVELS), rtol=1e-4)


def test_what_is_not_drawn_yet_is_silent(conditioned):
  quick, _, params, extra, given = conditioned
  stages = jax.jit(partial(quick.trajectory, params, extra), static_argnums=1)(jax.random.key(1), 2, given)
  assert (stages[0] == LEVELS // 2).all() and (stages[6, :, 6:] == LEVELS // 2).all()
  np.testing.assert_array_equal(stages[6, :, :6], stages[-1, :, :6])


def test_continuing_a_sample_from_its_half_gives_the_other_half(conditioned):
  quick, _, params, extra, given = conditioned
  rng = jax.random.key(1)
  sample = jax.jit(partial(quick.sample, params, extra), static_argnums=1)(rng, 2, given)
  half = jnp.broadcast_to(jnp.arange(LENGTH)[:, None] < LENGTH // 2, sample.shape)
  batch = {'x': jnp.where(half, sample, 0), **given}
  np.testing.assert_array_equal(jax.jit(partial(quick.complete, params, extra))(rng, batch, half), sample)


def test_a_sample_costs_the_same_however_long_the_sound_is():
  """The program of a step is the same but for arrays of sound and of its parts, of which it reads one entry each."""
  network = WaveNet(LEVELS, 4, 6, (1, 2, 4), local=('notes',))

  def program(length):
    x, given = jnp.zeros((1, length, 1), jnp.int32), {'notes': jnp.zeros((1, 1, 1))}
    shapes = jax.eval_shape(partial(network.init, train=False), jax.random.key(0), x, given)
    variables = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
    predict, init_cache = token_by_token(LEVELS)(partial(network.apply, variables), given)
    return jax.make_jaxpr(predict)(x, jnp.int32(3), init_cache(x))

  short, long = program(997), program(1999)
  assert re.sub(r'\b997\b', '1999', str(short)) == str(long)
  assert set(_touching(short.jaxpr, 997)) == {'dynamic_slice'}
  assert re.search(r'\b(scan|while)\[', str(short)) is None


def _touching(jaxpr, length):
  """The names of the primitives that read or write arrays of `length` entries along an axis."""
  for equation in jaxpr.eqns:
    inner = [getattr(value, 'jaxpr', value) for value in equation.params.values()]
    inner = [value for value in inner if hasattr(value, 'eqns')]
    for part in inner:
      yield from _touching(part, length)
    arrays = [*equation.invars, *equation.outvars]
    if not inner and any(length in getattr(array.aval, 'shape', ()) for array in arrays):
      yield equation.primitive.name


def test_a_mixture_of_companded_values_has_the_mass_of_each_code_between_its_edges():
  """In float64, by the distribution function of a logistic; the outer codes have all that is left."""
  levels = 16
  mixture = LogisticMixture(*(jnp.array([v]) for v in ([0.3, -0.5], [-0.4, 0.9], [-1.5, -3.0])))
  logits, means, log_scales = (np.asarray(part[0], np.float64) for part in mixture)
  edges = 2 * np.arange(levels + 1) / levels - 1
  edges[0], edges[-1] = -np.inf, np.inf
  below = 1 / (1 + np.exp(-(edges[:, None] - means) / np.exp(log_scales)))
  expected = np.diff(below @ (np.exp(logits) / np.exp(logits).sum()))
  found = np.exp(logistic_mixture_log_masses(wavenet.of_codes(mixture, levels), levels))[0]
  np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize('levels', [256, 65536])
def test_what_a_mixture_is_sure_of_costs_next_to_nothing_at_any_number_of_codes(levels):
  """The narrowest logistic in the middle of a code has 97 % of its mass there: less than a tenth of a bit."""
  network, code = WaveNet(levels, 4, 6, (1,), components=1), levels // 3
  x = jnp.zeros((1, 2, 1), jnp.int32)
  shapes = jax.eval_shape(partial(network.init, train=False), jax.random.key(0), x, {})
  variables = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
  # logit, mean in companded values, log-scale
  variables['params']['stack']['last']['bias'] = jnp.array([0, (2 * code + 1) / levels - 1, -100])
  nll = wavenet.DISTRIBUTIONS['logistics'](levels, 1).nll
  bits = (
    jax.jit(lambda: nll(network.apply(variables, x, {}, False), jnp.full(x.shape, code)))() / np.log(2) / 2
  )
  np.testing.assert_allclose(bits, -np.log2(np.tanh(np.exp(7) / 512)), rtol=0.1)
  assert bits < 0.1


def test_a_teacher_is_a_density_at_values_between_codes_with_a_gradient():
  """Its outputs at the centres of codes are those of the codes; the density at y moves none before y."""
  network = WaveNet(LEVELS, 4, 6, (1, 2), components=2)
  x = jax.random.randint(jax.random.key(0), (1, 6, 1), 0, LEVELS)
  y = (2.0 * x[..., 0] + 1) / LEVELS - 1

  @jax.jit
  def both():
    variables = network.init(jax.random.key(1), x, {}, False)
    mixture = partial(network.apply, variables, given={}, method='mixture')
    slopes = jax.jacobian(lambda y: mixture(y).means[0].sum(-1))(y)[:, 0]
    return network.apply(variables, x, {}, False)[:, :, 0], mixture(y), slopes

  outputs, mixture, slopes = both()
  of_codes = jnp.concatenate(wavenet.of_codes(mixture, LEVELS), axis=-1)
  np.testing.assert_allclose(outputs, of_codes, rtol=1e-5, atol=1e-6)
  distance = np.arange(6)[:, None] - np.arange(6)
  np.testing.assert_array_equal(np.asarray(slopes) != 0, (distance > 0) & (distance <= 4))
