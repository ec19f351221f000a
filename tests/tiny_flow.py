"""A flow as small as one can be; `config.model.invertible` says whether it has a way back."""

import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgen.bijectors import ActNorm, Bijector, Chain
from jaxgen.config import defaults, preset
from jaxgen.config_keys import Key
from jaxgen.settings import flow as settings

KEYS = {'invertible': Key(True, bool, 'whether samples can be drawn'), **settings.KEYS}


class OneWay(Bijector):
  """`z = x + tanh(a) tanh(x) / 2`, number by number, whose inverse nobody has written."""

  @property
  def has_inverse(self) -> bool:
    return False

  @nn.compact
  def forward_and_log_det(self, x, given=None):
    slope = jnp.tanh(self.param('a', nn.initializers.ones, ())) / 2
    return x + slope * jnp.tanh(x), jnp.log1p(slope * (1 - jnp.tanh(x) ** 2)).sum(-1)


def build(config):
  return settings.assemble(config, Chain((ActNorm(),) if config.model.invertible else (ActNorm(), OneWay())))


def get_config(arg='', **changes):
  config = defaults()
  config.module = 'tests.tiny_flow'
  config.data.name = 'toy:two_moons'
  config.model = ConfigDict({name: key.default for name, key in KEYS.items()} | changes)
  return preset(config, arg)
