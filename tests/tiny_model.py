"""A model as small as one can be, for tests of everything that surrounds models: independent pixels.

Each pixel is a categorical distribution of its own, and the optimum is known in closed form: the frequencies
of the training set. `config.model.noise` weights the examples by noise from the step's key (0: the loss is a
function of the batch alone); `config.model.nan_at` makes the term `penalty` nan at that step.
"""

import jax
import jax.numpy as jnp

from jaxgen import fields, optim, updates
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.types import DATA_AXIS, Estimate, GenerativeModel


def build(config) -> GenerativeModel:
  _, shape, levels = fields.of(config)['x']
  dims = jnp.prod(jnp.array(shape))

  def init(rng, batch):
    del batch
    return {'logits': 0.01 * jax.random.normal(rng, (*shape, levels))}, {'count': jnp.zeros((), jnp.int32)}

  def log_prob(params, extra, rng, batch):
    del extra, rng
    table = jax.nn.log_softmax(params['logits'])
    chosen = jnp.take_along_axis(table[None], batch['x'][..., None].astype(jnp.int32), -1)
    return chosen.reshape(len(batch['x']), -1).sum(-1) + dims * jnp.log(levels)

  def loss(params, extra, rng, batch):
    weight = 1.0 + config.model.noise * jax.random.normal(rng, (len(batch['x']),))
    nll = -log_prob(params, extra, rng, batch) * weight
    penalty = jnp.where(extra['count'] == config.model.nan_at, jnp.nan, 0.0)
    loss = nll.mean() + penalty
    return loss, ({'count': extra['count'] + 1}, {'loss': loss, 'nll': nll, 'penalty': penalty})

  def sample(params, extra, rng, num, given=None):
    del extra, given
    return jax.random.categorical(rng, params['logits'], shape=(num, *shape)).astype(jnp.uint8)

  def complete(params, extra, rng, batch, observed):
    return jnp.where(observed, batch['x'], sample(params, extra, rng, len(batch['x'])))

  tx = optim.make(config.optimizer, config.num_steps)
  update = updates.chain(updates.minimize(loss, tx, axis_name=DATA_AXIS), updates.ema(config.ema_decay))
  return GenerativeModel(
    init=init,
    update=update,
    evaluate=lambda *args: {
      'nll': -log_prob(*args),
      'bits_per_dim': bits_per_dim(log_prob(*args), shape, levels),
    },
    sample=sample,
    objective='loss = nll of independent pixels',
    selected_by='bits_per_dim',
    log_prob=log_prob,
    log_prob_estimate=Estimate('exact'),
    complete=complete,
  )
