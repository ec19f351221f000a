import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import updates
from jaxgen.types import Update
from tests.updates.steps import apply, game, mean, quadratic, state_of


def test_chain_lets_each_see_the_last_ones_params():
  halve = updates.minimize(quadratic(0.0, name='first'), optax.sgd(0.5), wrt=['w'])
  update = updates.chain(halve, updates.minimize(quadratic(1.0), optax.sgd(0.5)))
  state, _ = apply(update, state_of(update, {'w': 4.0}))
  assert state.params['w'] == 1.5  # 4 -> 2 -> 1.5; on the same old parameters it would be 4 - 2 - 1.5


def test_chain_refuses_two_metrics_of_one_name():
  update = updates.chain(*[updates.minimize(quadratic(0.0), optax.sgd(0.1))] * 2)
  with pytest.raises(ValueError, match='grad_norm, loss'):
    apply(update, state_of(update, {'w': 1.0}))


def test_every_moves_at_multiples_of_its_period_and_reports_nothing_elsewhere():
  update = updates.every(3, updates.minimize(quadratic(0.0), optax.sgd(0.5)))
  moved = {}
  for step in range(7):
    state, metrics = apply(update, state_of(update, {'w': 1.0}, step))
    moved[step] = float(state.params['w']) == 0.5
    assert float(metrics['loss'].count) == (4.0 if moved[step] else 0.0)
    assert np.isfinite(metrics['loss'].total)
  assert [step for step, yes in moved.items() if yes] == [0, 3, 6]


def test_every_does_not_touch_the_optimizer_between():
  update = updates.every(2, updates.minimize(quadratic(0.0), optax.adam(0.1)))
  state = state_of(update, {'w': 1.0}, step=1)
  after, _ = apply(update, state)
  jax.tree.map(np.testing.assert_array_equal, after, state)


def test_scheduled_makes_a_loss_that_changes_with_the_step():
  update = updates.scheduled(lambda step: updates.minimize(quadratic(step * 2.0), optax.sgd(1.0)))
  for step in (0, 3):
    state, _ = apply(update, state_of(update, {'w': 1.0}, step))
    assert state.params['w'] == step * 2.0


def test_repeat_goes_through_slices_of_the_batch():
  update = updates.repeat(2, updates.minimize(quadratic(0.0), optax.sgd(0.5)))
  batch = {'x': jnp.array([1.0, 1.0, 2.0, 2.0])}
  state, metrics = apply(update, state_of(update, {'w': 8.0}), batch)
  assert state.params['w'] == 0.0  # 8 -> 4 by the first half, 4 - 0.5 * 2 * 4 by the second
  assert metrics['loss'].count == 4


def test_repeat_refuses_a_batch_that_it_does_not_divide():
  update = updates.repeat(3, updates.minimize(quadratic(0.0), optax.sgd(0.5)))
  with pytest.raises(ValueError, match='3 inner steps do not divide a batch of 4'):
    apply(update, state_of(update, {'w': 1.0}))


def test_alternate_plays_in_turn_and_by_period():
  """max_d min_g of g d: the second player answers to where the first has just gone."""

  def loss(sign, name):
    def of(params, extra, rng, batch):
      del rng, batch
      value = sign * params['d'] * params['g']
      return value, (extra, {name: value})

    return of

  update = updates.alternate(
    updates.minimize(loss(-1, 'd_loss'), optax.sgd(1.0), wrt='d'),
    updates.minimize(loss(1, 'g_loss'), optax.sgd(1.0), wrt='g'),
    periods=(1, 2),
  )
  state, _ = apply(update, state_of(update, {'d': 1.0, 'g': 3.0}))
  assert (float(state.params['d']), float(state.params['g'])) == (4.0, -1.0)
  state, metrics = apply(update, state._replace(step=jnp.int32(1)))
  assert (float(state.params['d']), float(state.params['g'])) == (3.0, -1.0)
  assert metrics['g_loss'].count == 0


def test_alternate_needs_a_period_for_each_player():
  with pytest.raises(ValueError, match='1 players need 1 periods, not 2'):
    updates.alternate(updates.ema(0.9), periods=(1, 2))


def _silent(update):
  """Without metrics, of which two updates may not have the same."""
  return Update(update.init, lambda *args: (update.apply(*args)[0], {}))


def test_a_lazy_penalty_keeps_its_weight_inside_of_the_loss_and_loses_it_to_an_adam_of_its_own():
  """The loss pulls w up with a force of 1, the penalty down with its weight."""

  def apart(weight):
    loss = updates.minimize(lambda params, extra, rng, batch: (-params['w'], (extra, {})), optax.adam(0.1))
    pull = updates.minimize(
      lambda params, extra, rng, batch: (weight * params['w'], (extra, {})), optax.adam(0.1)
    )
    return updates.chain(_silent(loss), updates.every(16, _silent(pull)))

  def together(weight):
    def at(step):
      def loss(params, extra, rng, batch):
        penalty = jax.lax.cond(step % 16 == 0, lambda: 16 * weight * params['w'], lambda: 0.0 * params['w'])
        return penalty - params['w'], (extra, {})

      return updates.minimize(loss, optax.adam(0.1))

    return updates.scheduled(at)

  def ends(update):
    state = state_of(update, {'w': 0.0})
    for step in range(17):
      state, _ = apply(update, state._replace(step=jnp.int32(step)))
    return float(state.params['w'])

  np.testing.assert_allclose(ends(apart(0.01)), ends(apart(100.0)), rtol=1e-5)
  assert ends(together(0.01)) > 1 and ends(together(100.0)) < 0


def test_each_part_of_a_chain_draws_its_own_noise():
  def noisy(name):
    def loss(params, extra, rng, batch):
      del batch
      return params['w'], (extra, {name: jax.random.normal(rng)})

    return updates.minimize(loss, optax.sgd(0.0), wrt=name)

  update = updates.chain(noisy('w'), noisy('v'))
  _, metrics = apply(update, state_of(update, {'w': 1.0, 'v': 1.0}))
  assert mean(metrics['w']) != mean(metrics['v'])


@pytest.mark.parametrize(
  'wrong',
  [
    lambda: updates.every(0, updates.ema(0)),
    lambda: updates.repeat(0, updates.ema(0)),
    lambda: updates.accumulated(0, updates.ema(0)),
    lambda: updates.ema(1.0),
  ],
)
def test_senseless_numbers_are_refused(wrong):
  with pytest.raises(ValueError, match='must be'):
    wrong()


def test_means_leave_out_what_an_idle_player_did_not_say():
  update = game((1, 2))
  state = state_of(update, {'d': 2.0, 'g': 1.0}, step=1)
  _, metrics = apply(update, state)
  found = updates.means(metrics)
  assert set(found) == {'d_loss', 'd_grad_norm'}
  assert found['d_loss'] == 2.0
  stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), metrics, apply(update, state._replace(step=0))[1])
  assert updates.means(stacked)['g_loss'] == 0.5
