"""What a config of a language model may be, and what a token costs."""

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
from jaxgen.models.autoregressive import rnnlm, transformer
from jaxgen.types import Field

TEXT, IMAGE = Field('tokens', (12,), 5), Field('image', (4, 4, 1), 5)


def config_of(module, x=TEXT, **changes):
  config = defaults()
  config.module = module.__name__
  config.data = ConfigDict(dict(fields=fields.to_dict({'x': x})))
  config.model = ConfigDict({name: key.default for name, key in module.KEYS.items()} | changes)
  return config


@pytest.mark.parametrize(
  ('module', 'changes', 'message'),
  [
    (transformer, {'x': IMAGE}, 'jaxgen.models.autoregressive.transformer models text, not image data'),
    (transformer, {'width': 6, 'num_heads': 4}, 'width=6 must be a multiple of config.model.num_heads=4'),
    (transformer, {'width': 12, 'num_heads': 4}, 'an odd number, and rotary positions turn pairs'),
    (rnnlm, {'x': IMAGE}, 'jaxgen.models.autoregressive.rnnlm models text, not image data'),
  ],
)
def test_settings_that_do_not_fit_are_named(module, changes, message):
  with pytest.raises(UserError, match=message):
    module.build(config_of(module, **changes))


# each of two layers sees two positions more than its own, and a position stands for the token before it
@pytest.mark.parametrize(('window', 'seen', 'reach'), [(0, 12, 11), (3, 3, 5), (99, 12, 11)])
def test_by_a_config_a_position_sees_a_window_while_it_is_scored_and_drawn(window, seen, reach):
  sizes = dict(width=8, num_layers=2, num_heads=2)
  cached = transformer.build(config_of(transformer, window=window, **sizes))
  network = transformer.Transformer(seen, TEXT.levels, *sizes.values())
  naive = autoregressive(
    network, tx=optax.sgd(0.1), ema_decay=0.0, x=TEXT
  )  # by the whole network at every step
  shapes, extra = jax.eval_shape(cached.init, jax.random.key(0), {})
  noise = np.random.default_rng(0)
  params = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)
  draws = [
    jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 20) for model in (cached, naive)
  ]
  np.testing.assert_array_equal(*draws)
  score = jax.jit(cached.entry_log_mass)
  x, other = draws[0], draws[0].at[:, 0].set((draws[0][:, 0] + 1) % TEXT.levels)
  moved = np.abs(score(params, extra, {'x': x}) - score(params, extra, {'x': other})).max(0) > 1e-6
  assert np.flatnonzero(moved).tolist() == list(range(reach + 1))


@pytest.mark.parametrize(
  'network',
  [rnnlm.RNNLM(5, 'lstm', 8, 2), rnnlm.RNNLM(5, 'gru', 8, 2), transformer.Transformer(16, 5, 8, 2, 2)],
)
def test_a_token_costs_the_same_however_long_the_text_is(network):
  """The program of a step differs in nothing but the array that it writes into."""

  def program(length):
    x = jnp.zeros((1, length), jnp.int32)
    shapes = jax.eval_shape(partial(network.init, train=False), jax.random.key(0), x, {})
    variables = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
    predict, init_cache = token_by_token(5)(partial(network.apply, variables), {})
    return str(jax.make_jaxpr(predict)(x, jnp.int32(3), init_cache(x)))

  assert re.sub(r'\b997\b', '1999', program(997)) == program(1999)
