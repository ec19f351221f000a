"""Independent pixels that learn those of another run, a frozen teacher, and see no data: for tests of stages."""

import jax
import jax.numpy as jnp

from jaxgen import optim, updates
from jaxgen.config_keys import StageKey
from jaxgen.types import DATA_AXIS
from tests import tiny_model

STAGES = {'teacher': StageKey('the run whose pixels are learned', needs=('log_prob',))}


def build(config, stages):
  model = tiny_model.build(config)
  frozen = {'teacher': {'params': stages['teacher'].params}}

  def init(rng, batch):
    params, extra = model.init(rng, batch)
    return params, {**extra, 'stages': frozen}

  def loss(params, extra, rng, batch):
    del rng, batch
    taught = jax.nn.log_softmax(extra['stages']['teacher']['params']['logits'])
    kl = jnp.sum(jnp.exp(taught) * (taught - jax.nn.log_softmax(params['logits'])))
    return kl, (extra, {'loss': kl})

  tx = optim.make(config.optimizer, config.num_steps)
  update = updates.chain(updates.minimize(loss, tx, axis_name=DATA_AXIS), updates.ema(config.ema_decay))
  return model._replace(
    init=init, update=update, objective='loss = KL(teacher | student), summed over pixels'
  )
