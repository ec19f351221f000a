from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config import defaults
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import whole_network
from jaxgen.models.autoregressive import charlm
from jaxgen.types import DATA_AXIS, Field, State

TEXT = Field('tokens', (12,), 5)


def _config(x=TEXT, given=(), **changes):
  config = defaults()
  config.data = ConfigDict(dict(fields=fields.to_dict({'x': x, 'label': Field('label', (), 2)})))
  config.given = given
  config.model = ConfigDict(dict(width=16, num_layers=2, num_heads=2, look_back=3, dropout=0.0) | changes)
  return config


def _network(x=TEXT):
  return charlm.CharLM(x.shape[0], x.levels, width=16, num_layers=2, num_heads=2, look_back=3)


def _random(network, *args):
  """Parameters far from their beginning, so that every part of the network shows."""
  shapes = jax.eval_shape(lambda rng: network.init(rng, *args, False), jax.random.key(0))
  noise = np.random.default_rng(0)
  return jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)


def test_every_output_sees_all_that_comes_before_it_and_nothing_else():
  """Another character at one place changes the outputs of all later places, and of no others."""
  network = _network()
  x = jax.random.randint(jax.random.key(0), (1, 12), 0, 5)
  variables = _random(network, x, {})
  logits = jax.jit(lambda x: network.apply(variables, x, {}, False))
  changed = jnp.concatenate([x.at[0, i].set((x[0, i] + 1) % 5) for i in range(12)])
  moved = np.abs(logits(changed) - logits(x)).max(-1).T > 1e-4  # [output, input]
  np.testing.assert_array_equal(moved, np.tril(np.ones((12, 12), bool), -1))


@pytest.mark.parametrize('given', [(), ('label',)])
def test_cached_prediction_equals_the_whole_network(given):
  network = _network()
  x = jax.random.randint(jax.random.key(0), (3, 12), 0, 5)
  conditions = {name: jax.nn.one_hot(jnp.array([0, 1, 1]), 2) for name in given}
  variables = _random(network, x, conditions)

  def run(*args, method=None):
    return network.apply(variables, *args, **({'method': method} if method else {'train': False}))

  def all_logits(predictor):
    predict, init_cache = predictor(run, conditions)

    def body(cache, index):
      logits, cache = predict(jnp.where(jnp.arange(12) < index, x, 4), index, cache)
      return cache, logits

    return jax.jit(lambda: jax.lax.scan(body, init_cache(x), jnp.arange(12))[1])()

  whole = jax.jit(lambda: network.apply(variables, x, conditions, False))()
  np.testing.assert_allclose(all_logits(charlm.cached(network)).swapaxes(0, 1), whole, atol=1e-4)
  np.testing.assert_allclose(all_logits(whole_network).swapaxes(0, 1), whole, atol=1e-4)


def test_a_character_costs_as_much_late_in_a_long_text_as_one_position():
  """Multiplications of matrices with parameters: of one position, whatever the context is."""
  network = _network(Field('tokens', (64,), 5))
  x = jnp.zeros((1, 64), jnp.int32)
  variables = _random(network, x, {})
  predict, init_cache = charlm.cached(network)(partial(network.apply, variables), {})
  program = str(jax.make_jaxpr(predict)(x, jnp.int32(50), init_cache(x)))
  rows = [line for line in program.splitlines() if 'dot_general' in line and 'f32[1,64,48]' in line]
  assert 'f32[1,1,48]' in program and not rows


@pytest.mark.slow
def test_it_learns_a_text_continues_a_prompt_and_counts_bits():
  """Of a text of period four, all but the first character are certain: log2(4) / 12 bits per character."""
  model = charlm.build(_config(width=32))
  period = jnp.array([0, 3, 1, 4])
  x = period[(jnp.arange(12)[None] + jnp.arange(4)[:, None]) % 4].astype(jnp.uint8)
  x = jnp.tile(x, (4, 1))
  params, extra = jax.jit(model.init)(jax.random.key(0), {})

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(jax.random.key(2), state.step), {'x': x})
    return state._replace(step=state.step + 1), metrics['bits_per_dim'].total / 16

  @jax.jit
  def train(params):
    first = State(jnp.int32(0), params, extra, model.update.init(params), jnp.zeros(2, jnp.uint32))
    return jax.lax.scan(step, first, None, length=300)

  state, bits = train(params)
  assert bits[0] > 2.0
  np.testing.assert_allclose(bits[-1], np.log2(4) / 12, atol=0.02)
  prompt, observed = x[:4], jnp.broadcast_to(jnp.arange(12) < 3, (4, 12))
  start = jnp.where(observed, prompt, 2).astype(jnp.uint8)
  found = jax.jit(model.complete)(state.params, extra, jax.random.key(1), {'x': start}, observed)
  assert found.dtype == jnp.uint8
  np.testing.assert_array_equal(found, prompt)
  text = jax.jit(model.sample, static_argnums=3)(state.params, extra, jax.random.key(3), 20)
  periodic = (text[:, None] == x[None, :4]).all(-1).any(1)
  assert periodic.mean() > 0.8


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    (_config(Field('image', (4, 4, 1), 5)), 'models text'),
    (_config(num_heads=3), 'multiple of config.model.num_heads=3'),
  ],
)
def test_settings_that_do_not_fit_are_named(config, message):
  with pytest.raises(UserError, match=message):
    charlm.build(config)
