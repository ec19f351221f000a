"""One step on a quadratic, for the tests of updates."""

import jax
import jax.numpy as jnp
import optax

from jaxgen import updates
from jaxgen.types import State


def quadratic(target, key='w', name='loss'):
  """0.5 (w - target)^2: one step of SGD at rate r moves w by r (target - w)."""

  def loss(params, extra, rng, batch):
    del rng
    value = 0.5 * (params[key] - target) ** 2 * batch['x']
    return value.mean(), (extra, {name: value})

  return loss


def state_of(update, params, step=0):
  params = {key: jnp.float32(value) for key, value in params.items()}
  return State(jnp.int32(step), params, {}, update.init(params), jax.random.key_data(jax.random.key(0)))


def apply(update, state, batch=None):
  batch = {'x': jnp.ones(4)} if batch is None else batch
  return jax.jit(update.apply)(state, jax.random.key(0), batch)


def mean(metric):
  return float(metric.total / metric.count)


def game(periods):
  """Two players, each with a quadratic of its own; the second is averaged."""
  first = updates.minimize(quadratic(0.0, 'd', 'd_loss'), optax.sgd(0.5), wrt='d')
  second = updates.minimize(quadratic(0.0, 'g', 'g_loss'), optax.sgd(0.5), wrt='g')
  return updates.alternate(first, updates.chain(second, updates.ema(0.5, wrt='g')), periods=periods)
