"""What a config of a language model may be, and what a token costs."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config import defaults
from jaxgen.errors import UserError
from jaxgen.families.autoregressive import token_by_token
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
