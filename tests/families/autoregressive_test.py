import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.autoregressive import autoregressive
from jaxgen.families.conditions import flat
from jaxgen.families.distributions import Distribution
from jaxgen.families.orders import permuted, raster
from jaxgen.types import DATA_AXIS, Field, State

SHAPE, LEVELS = (2, 2, 1), 3
IMAGE, LABEL = Field('image', SHAPE, LEVELS), Field('label', (), 2)
EVERYTHING = jnp.array(list(itertools.product(range(LEVELS), repeat=4)), jnp.uint8).reshape(-1, *SHAPE)


class Causal(nn.Module):
  """Position i sees a sum over the positions before it; works for any shape."""

  levels: int
  dropout: float = 0.0
  order: tuple = ()  # row-major

  @nn.compact
  def __call__(self, x, given, train):
    flat_x = jax.nn.one_hot(x.reshape(x.shape[0], -1), self.levels)
    dims = flat_x.shape[1]
    order = permuted(self.order) if self.order else raster(dims)
    weights = self.param('weights', nn.initializers.normal(1.0), (dims, dims, self.levels, self.levels))
    h = jnp.einsum('bjk,ijkl,ij->bil', flat_x, weights, jnp.float32(order.sees()))
    h += self.param('bias', nn.initializers.normal(1.0), (dims, self.levels))
    if given:
      h += nn.Dense(self.levels)(flat(given))[:, None]
    h = nn.Dropout(self.dropout, deterministic=not train)(h)
    return h.reshape(*x.shape, self.levels)


def _model(network=None, **changes):
  settings = {'tx': optax.adam(0.1), 'ema_decay': 0.9, 'x': IMAGE} | changes
  return autoregressive(network or Causal(LEVELS), **settings)


def _chi_square_holds(codes, log_mass):
  expected = len(codes) * np.exp(log_mass)
  counts = np.bincount(codes, minlength=len(expected))
  usual = expected > 5
  chi_square = np.sum((counts - expected)[usual] ** 2 / expected[usual])
  return chi_square < usual.sum() - 1 + 4 * np.sqrt(2 * (usual.sum() - 1))


def test_log_prob_is_a_density_on_the_unit_cube():
  model = _model()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  log_prob = jax.jit(model.log_prob)(params, extra, jax.random.key(1), {'x': EVERYTHING})
  np.testing.assert_allclose(jnp.exp(log_prob).mean(), 1.0, rtol=1e-5)  # 81 cells of volume 1/81
  metrics = jax.jit(model.evaluate)(params, extra, jax.random.key(1), {'x': EVERYTHING})
  np.testing.assert_allclose(metrics['loss'], 4 * np.log(LEVELS) - log_prob, rtol=1e-4)
  np.testing.assert_allclose(metrics['bits_per_dim'], metrics['loss'] / 4 / np.log(2), rtol=1e-5)
  assert model.log_prob_estimate.kind == 'exact'


def test_samples_follow_the_density():
  model = _model()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 20000)
  assert x.dtype == jnp.uint8 and x.shape == (20000, *SHAPE)
  log_mass = jax.jit(model.log_prob)(params, extra, None, {'x': EVERYTHING}) - 4 * np.log(LEVELS)
  assert _chi_square_holds(np.asarray(x).reshape(-1, 4) @ [27, 9, 3, 1], log_mass)


def test_the_trajectory_fills_the_sample_position_by_position():
  model = _model()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 6)
  stages = jax.jit(model.trajectory, static_argnums=3)(params, extra, jax.random.key(1), 6)
  assert stages.shape == (5, 6, *SHAPE)
  for count, stage in enumerate(stages.reshape(5, 6, 4)):
    np.testing.assert_array_equal(stage[:, :count], x.reshape(6, 4)[:, :count])
    assert (stage[:, count:] == 0).all()


def test_learns_the_distribution_of_the_data():
  model = _model()
  table = np.zeros((LEVELS,) * 4)
  table[0, 1, 2, 0], table[2, 1, 0, 0] = 0.75, 0.25
  x = jnp.array([[0, 1, 2, 0]] * 3 + [[2, 1, 0, 0]], jnp.uint8).reshape(4, *SHAPE)
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  state = State(jnp.int32(0), params, extra, model.update.init(params), jnp.zeros(2, jnp.uint32))

  @jax.jit
  @lambda step: jax.vmap(step, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  def step(state):
    return model.update.apply(state, jax.random.key(0), {'x': x})

  for _ in range(150):
    state, metrics = step(state)
  entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
  means = {name: metric.total / metric.count for name, metric in metrics.items()}
  assert entropy - 1e-3 < means['loss'] < entropy + 0.05
  np.testing.assert_allclose(means['bits_per_dim'], means['loss'] / 4 / np.log(2), rtol=1e-5)
  log_mass = jax.jit(model.log_prob)(state.params, extra, None, {'x': EVERYTHING}) - 4 * np.log(LEVELS)
  np.testing.assert_allclose(np.exp(log_mass), table.ravel(), atol=0.03)


def test_a_conditional_model_uses_its_labels():
  model = _model(given={'label': LABEL})
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  log_prob, sample = jax.jit(model.log_prob), jax.jit(model.sample, static_argnums=3)
  log_probs = [log_prob(params, extra, None, {'x': EVERYTHING, 'label': jnp.full(81, k)}) for k in (0, 1)]
  for log_prob in log_probs:
    np.testing.assert_allclose(jnp.exp(log_prob).mean(), 1.0, rtol=1e-5)
  assert np.abs(log_probs[0] - log_probs[1]).max() > 0.1
  x = sample(params, extra, jax.random.key(1), 5000, {'label': jnp.ones(5000, jnp.int32)})
  assert _chi_square_holds(np.asarray(x).reshape(-1, 4) @ [27, 9, 3, 1], log_probs[1] - 4 * np.log(LEVELS))


def test_dropout_acts_in_training_alone():
  model = _model(Causal(LEVELS, dropout=0.5))
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  batch = {'x': EVERYTHING}
  evaluate = jax.jit(model.evaluate)
  first, second = (evaluate(params, extra, jax.random.key(seed), batch)['loss'] for seed in (1, 2))
  np.testing.assert_array_equal(first, second)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jnp.zeros(2, jnp.uint32))

  @jax.jit
  @lambda step: jax.vmap(step, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  def loss(rng):
    return model.update.apply(state, rng, batch)[1]['loss'].total

  assert loss(jax.random.key(1)) != loss(jax.random.key(2))


def test_refuses_continuous_data():
  with pytest.raises(ValueError, match='continuous'):
    _model(x=Field('image', SHAPE, 0))


# An order may be any, and the outputs need not be logits of a softmax.
def _signed(levels):
  """Entries of two levels by the sign of one output: Bernoulli by its log-odds."""

  def log_mass(outputs, x):
    return jax.nn.log_sigmoid(jnp.where(x > 0, 1.0, -1.0) * outputs[..., 0])

  def draw(rng, outputs, temperature=1.0):
    value = jax.random.bernoulli(rng, jax.nn.sigmoid(outputs[..., 0] / temperature)).astype(jnp.int32)
    return value, log_mass(outputs / temperature, value)

  nll = lambda outputs, x: -log_mass(outputs, x).reshape(len(x), -1).sum(1)  # noqa: E731
  return Distribution('Bernoulli', 1, nll, draw, {'temperature': 1.0})


MODELS = {
  'raster': lambda: _model(),
  'backwards': lambda: _model(Causal(LEVELS, order=(3, 2, 1, 0)), order=permuted((3, 2, 1, 0))),
  'shuffled': lambda: _model(Causal(LEVELS, order=(2, 0, 3, 1)), order=permuted((2, 0, 3, 1))),
}


@pytest.mark.parametrize('name', MODELS)
def test_in_any_order_the_mass_is_one_and_completions_of_what_comes_first_follow_it(name):
  model = MODELS[name]()
  order = {'raster': (0, 1, 2, 3), 'backwards': (3, 2, 1, 0), 'shuffled': (2, 0, 3, 1)}[name]
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  log_mass = jax.jit(model.log_prob)(params, extra, None, {'x': EVERYTHING}) - 4 * np.log(LEVELS)
  np.testing.assert_allclose(np.exp(log_mass).sum(), 1, rtol=1e-5)
  num = 20_000
  known = jnp.tile(jnp.array([1, 2, 0, 1], jnp.uint8).reshape(1, *SHAPE), (num, 1, 1, 1))
  observed = jnp.zeros(4, bool).at[jnp.array(order[:2])].set(True).reshape(1, *SHAPE)
  complete = jax.jit(model.complete)
  x = complete(params, extra, jax.random.key(1), {'x': known}, jnp.broadcast_to(observed, known.shape))
  assert x.dtype == jnp.uint8
  flat_x, wanted = np.asarray(x).reshape(num, 4), np.asarray(EVERYTHING).reshape(-1, 4)
  for entry in order[:2]:
    np.testing.assert_array_equal(flat_x[:, entry], known.reshape(num, 4)[:, entry])
  fits = np.all([wanted[:, entry] == known.reshape(num, 4)[0, entry] for entry in order[:2]], axis=0)
  posterior = np.where(fits, np.asarray(log_mass), -np.inf)
  posterior = posterior - np.log(np.exp(posterior).sum())
  assert _chi_square_holds(flat_x @ [27, 9, 3, 1], posterior)


def test_what_is_observed_stays_wherever_it_is():
  model = _model()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  batch, observed = {'x': EVERYTHING}, jax.random.bernoulli(jax.random.key(3), 0.5, EVERYTHING.shape)
  x = jax.jit(model.complete)(params, extra, jax.random.key(1), batch, observed)
  np.testing.assert_array_equal(x[observed], EVERYTHING[observed])
  assert not np.array_equal(x, EVERYTHING)


def test_the_temperature_is_that_of_each_entry():
  model = _model()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  assert dict(model.knobs) == {'temperature': 1.0, 'top_k': LEVELS, 'top_p': 1.0}
  cold = model.sample(params, extra, jax.random.key(1), 50, temperature=0.0)
  assert len(np.unique(np.asarray(cold).reshape(50, -1), axis=0)) == 1
  usual = model.sample(params, extra, jax.random.key(1), 50)
  np.testing.assert_array_equal(usual, model.sample(params, extra, jax.random.key(1), 50, temperature=1.0))
  likeliest = np.asarray(model.log_prob(params, extra, None, {'x': cold[:1]}))
  assert likeliest > model.log_prob(params, extra, None, {'x': usual}).mean()


def test_no_sample_leaves_the_likeliest_values_and_a_completion_neither():
  """Every entry of every sample is the mode of what stands before it, or the runner-up."""
  network = Causal(LEVELS)
  model = _model(network)
  params, extra = model.init(jax.random.key(0), {})
  draw = jax.jit(lambda rng, **knobs: model.sample(params, extra, rng, 2000, **knobs))

  def ranks(x):
    """i[B, D], how many values were likelier."""
    logits = np.asarray(network.apply({'params': params['network']}, x, {}, False)).reshape(-1, 4, LEVELS)
    chosen = np.take_along_axis(logits, np.asarray(x).reshape(-1, 4, 1).astype(int), 2)
    return (logits > chosen).sum(-1)

  assert ranks(draw(jax.random.key(1))).max() == LEVELS - 1
  assert ranks(draw(jax.random.key(1), top_k=2)).max() == 1
  assert ranks(draw(jax.random.key(1), top_p=0.0)).max() == 0
  assert set(model.completion_knobs) == set(model.knobs)
  batch, observed = {'x': EVERYTHING}, jnp.broadcast_to(jnp.arange(4).reshape(SHAPE) < 2, EVERYTHING.shape)
  x = jax.jit(lambda rng: model.complete(params, extra, rng, batch, observed, top_k=1))(jax.random.key(1))
  assert ranks(x)[:, 2:].max() == 0 and ranks(x)[:, :2].max() == LEVELS - 1


@pytest.mark.parametrize('name', MODELS)
def test_under_its_own_key_a_sample_is_continued_from_any_part_to_itself(name):
  model = MODELS[name]()
  order = {'raster': (0, 1, 2, 3), 'backwards': (3, 2, 1, 0), 'shuffled': (2, 0, 3, 1)}[name]
  params, extra = model.init(jax.random.key(0), {})
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 50)
  complete = jax.jit(model.complete)
  for length in (0, 2, 3):
    observed = jnp.zeros(4, bool).at[jnp.array(order[:length], int)].set(True).reshape(SHAPE)
    batch = {'x': jnp.where(observed, x, 0)}
    found = complete(params, extra, jax.random.key(1), batch, jnp.broadcast_to(observed, x.shape))
    np.testing.assert_array_equal(found, x)
  other = complete(params, extra, jax.random.key(2), {'x': x}, jnp.broadcast_to(observed, x.shape))
  assert (np.asarray(other) != np.asarray(x)).any()


@pytest.mark.parametrize('knobs', [{'top_k': 0}, {'top_p': 1.5}, {'top_p': -0.1}])
def test_a_knob_beyond_its_bounds_is_refused(knobs):
  model = _model()
  params, extra = model.init(jax.random.key(0), {})
  with pytest.raises(ValueError, match=f'{next(iter(knobs))}=.* must be'):
    model.sample(params, extra, jax.random.key(1), 2, **knobs)


def test_what_is_told_is_the_entry_that_came_in_any_order():
  order, told = (3, 1, 0, 2), {}
  x = Field('tokens', (4,), LEVELS)
  model = _model(Causal(LEVELS, order=order), x=x, order=permuted(order))
  params, extra = model.init(jax.random.key(0), {})

  def tell(index, values):
    told[int(index)] = np.asarray(values)

  complete = jax.jit(lambda rng, x, seen: model.complete(params, extra, rng, {'x': x}, seen, tell=tell))
  found = complete(jax.random.key(1), jnp.zeros((9, 4), jnp.int32), jnp.zeros((9, 4), bool))
  jax.effects_barrier()
  np.testing.assert_array_equal(np.stack([told[index] for index in range(4)], 1), found[:, jnp.array(order)])


def test_another_distribution_than_logits_of_a_softmax():
  x = Field('image', SHAPE, 2)
  everything = jnp.array(list(itertools.product(range(2), repeat=4)), jnp.uint8).reshape(-1, *SHAPE)

  class OneOutput(nn.Module):
    @nn.compact
    def __call__(self, x, given, train):
      return Causal(2, name='causal')(x, given, train)[..., :1]

  model = _model(OneOutput(), x=x, distribution=_signed(2))
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  log_mass = model.log_prob(params, extra, None, {'x': everything}) - 4 * np.log(2)
  np.testing.assert_allclose(np.exp(log_mass).sum(), 1, rtol=1e-5)
  drawn = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 20_000)
  assert _chi_square_holds(np.asarray(drawn).reshape(-1, 4) @ [8, 4, 2, 1], log_mass)
  assert 'Bernoulli' in model.objective


def test_more_than_256_tokens_are_whole_numbers_of_32_bits():
  model = _model(Causal(300), x=Field('tokens', (2,), 300))
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  x = model.sample(params, extra, jax.random.key(1), 100)
  assert x.dtype == jnp.int32 and x.max() > 255


def test_an_order_names_every_entry_once():
  with pytest.raises(ValueError, match='once'):
    permuted((0, 0, 2))
