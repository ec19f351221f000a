"""The losses, penalties and the alternating update with a caller's own networks: Linen, NNX and Equinox."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx

from jaxgen.losses import gan
from jaxgen.types import State
from jaxgen.updates import alternate, averaged_params, chain, ema, minimize


class LinenNet(linen.Module):
  """Vectors of two numbers to vectors."""

  features: int

  @linen.compact
  def __call__(self, x):
    return linen.Dense(self.features)(linen.tanh(linen.Dense(32)(x)))


class NnxNet(nnx.Module):
  """The same."""

  def __init__(self, features, rngs):
    self.hidden, self.out = nnx.Linear(2, 32, rngs=rngs), nnx.Linear(32, features, rngs=rngs)

  def __call__(self, x):
    return self.out(nnx.tanh(self.hidden(x)))


def _linen(features, seed):
  net = LinenNet(features)
  return net.init(jax.random.key(seed), jnp.zeros((1, 2))), net.apply


def _nnx(features, seed):
  definition, params = nnx.split(NnxNet(features, nnx.Rngs(seed)))
  return params, lambda params, x: nnx.merge(definition, params)(x)


def _equinox(features, seed):
  net = eqx.nn.MLP(2, features, 32, 1, jnp.tanh, key=jax.random.key(seed))
  params, static = eqx.partition(net, eqx.is_inexact_array)
  return params, lambda params, x: jax.vmap(eqx.combine(params, static))(x)


# the game, and a penalty `(critic, rng, *, real, fake) -> f32[B]` with its weight
GAMES = {
  'logistic with R1': (gan.non_saturating, gan.PENALTIES['r1'], 0.1),
  'wasserstein with a gradient penalty': (gan.wasserstein, gan.PENALTIES['gradient_penalty'], 1.0),
  'relativistic with R1 and R2': (gan.relativistic, gan.PENALTIES['r1_r2'], 0.1),
}


@pytest.mark.parametrize('name', GAMES)
@pytest.mark.parametrize('network', [_linen, _nnx, _equinox], ids=['linen', 'nnx', 'equinox'])
def test_a_game_of_foreign_networks_finds_the_data(network, name):
  """Two blobs at (3, 3) and (-3, 3): the second coordinate has one place, the first has two."""
  loss, penalty, weight = GAMES[name]
  (of_generator, generate), (of_discriminator, judge) = network(2, 0), network(1, 1)
  params = {'generator': of_generator, 'discriminator': of_discriminator}

  def fakes(params, rng, like):
    return generate(params['generator'], jax.random.normal(rng, like.shape))

  def discriminator_loss(params, extra, rng, batch):
    critic = lambda x: judge(params['discriminator'], x)[:, 0]  # noqa: E731
    noise, place = jax.random.split(rng)
    real, fake = batch['x'], fakes(params, noise, batch['x'])
    terms = loss.discriminator(real_logits=critic(real), fake_logits=critic(fake))
    total = terms + weight * penalty(critic, place, real=real, fake=fake)
    return total.mean(), (extra, {'loss': total})

  def generator_loss(params, extra, rng, batch):
    critic = lambda x: judge(params['discriminator'], x)[:, 0]  # noqa: E731
    fake = fakes(params, rng, batch['x'])
    terms = loss.generator(real_logits=critic(batch['x']), fake_logits=critic(fake))
    return terms.mean(), (extra, {'generator_loss': terms})

  update = alternate(
    minimize(discriminator_loss, optax.adam(0.01, b1=0.0), wrt='discriminator'),
    chain(minimize(generator_loss, optax.adam(0.003, b1=0.0), wrt='generator'), ema(0.99, wrt='generator')),
  )

  @jax.jit
  def trained(state):
    def body(state, rng):
      side, noise, rng = jax.random.split(rng, 3)
      signs = jnp.stack([jax.random.rademacher(side, (64,), float), jnp.ones(64)], 1)
      x = 3.0 * signs + 0.3 * jax.random.normal(noise, (64, 2))
      state, _ = update.apply(state, rng, {'x': x})
      return state._replace(step=state.step + 1), None

    return jax.lax.scan(body, state, jax.random.split(jax.random.key(2), 1000))[0]

  state = State(jnp.zeros((), jnp.int32), params, {}, update.init(params), jax.random.key(1))
  state = trained(state)
  x = fakes(averaged_params(state), jax.random.key(3), jnp.zeros((500, 2)))
  assert jax.tree.structure(state.params) == jax.tree.structure(params)
  np.testing.assert_allclose(np.median(np.abs(x), 0), [3.0, 3.0], atol=0.7)
  assert 0.2 < np.mean(x[:, 0] > 0) < 0.8
