"""Whoever moves leaves the others as they are, bit for bit: parameters, optimizer states, statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.gan import cycle, cycle_gan, family, gan, spoken, vae_gan, vaegan
from jaxgen.losses.gan import LOSSES
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.updates import alternate

X = Field('vector', (2,), 0)
BATCH = {'x': jax.random.normal(jax.random.key(9), (6, 2)), 'y': jax.random.normal(jax.random.key(8), (6, 2))}
COMMON = dict(loss=LOSSES['non_saturating'], ema_decay=0.5, x=X)


class Normalized(nn.Module):
  """A network with batch statistics, of any player."""

  heads: tuple[str, ...] = ()
  outputs: int = 1

  @nn.compact
  def __call__(self, x, given=None, train=False):
    h = nn.BatchNorm(use_running_average=not train, momentum=0.5)(nn.Dense(4)(x))
    if self.heads:
      return spoken(self.heads, logits=lambda: nn.Dense(1)(h)[:, 0], features=lambda: h)
    found = tuple(nn.Dense(2)(h) for _ in range(self.outputs))
    return found if self.outputs > 1 else found[0]


def _gan():
  generator, discriminator = Normalized(), Normalized(('logits',))
  rates = dict(tx_generator=optax.adam(0.1), tx_discriminator=optax.adam(0.2))
  return gan(generator, discriminator, latent_dim=2, **rates, **COMMON)


def _cycle_gan():
  networks = Normalized(), Normalized(), Normalized(('logits',)), Normalized(('logits',))
  rates = dict(tx_generators=optax.adam(0.1), tx_discriminators=optax.adam(0.2))
  return cycle_gan(*networks, y=X, pool=4, identity_weight=1.0, **rates, **COMMON)


def _vae_gan():
  networks = Normalized(outputs=2), Normalized(), Normalized(('logits', 'features'))
  rates = dict(tx_autoencoder=optax.adam(0.1), tx_discriminator=optax.adam(0.2))
  return vae_gan(*networks, latent_dim=2, **rates, **COMMON)


# What makes the game, the module of its family, and who moves, one set for each player in turn, with what in `extra`
# is nobody's but written at that move.
GAMES = {
  'gan': (_gan, family, [{'discriminator'}, {'generator'}], [set(), set()]),
  'cycle_gan': (_cycle_gan, cycle, [{'judge_x', 'judge_y'}, {'to_x', 'to_y'}], [{'pool'}, set()]),
  'vae_gan': (_vae_gan, vaegan, [{'discriminator'}, {'encoder'}, {'generator'}], [set()] * 3),
}


def _changed(before, after):
  """The top-level keys under which a bit is another one."""
  same = jax.tree.map(np.array_equal, before, after)
  return {name for name in before if not all(jax.tree.leaves(same[name]))}


def _moved(update, state):
  apply = jax.vmap(update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return jax.jit(apply)(state, jax.random.key(2), BATCH)[0]


@pytest.mark.parametrize('name', GAMES)
def test_a_move_of_one_player_leaves_all_others_as_they_are(name, monkeypatch):
  build, module, movers, written = GAMES[name]
  players = []

  def recorded(*updates, **how):
    players.extend(updates)
    return alternate(*updates, **how)

  monkeypatch.setattr(module, 'alternate', recorded)
  model = build()
  params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
  assert len(players) == len(movers)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))
  for player, moving, more in zip(players, movers, written, strict=True):
    moved = _moved(player, state._replace(opt=player.init(params)))
    assert _changed(params, moved.params) == moving
    assert _changed(extra, moved.extra) == moving | more
  # And in the whole step each has an optimizer state of its own, which counts its own move alone.
  counts = [
    int(leaf.count)
    for leaf in jax.tree.leaves(
      _moved(model.update, state).opt, is_leaf=lambda node: isinstance(node, optax.ScaleByAdamState)
    )
    if isinstance(leaf, optax.ScaleByAdamState)
  ]
  assert counts == [1] * len(movers)
