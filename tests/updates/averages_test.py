import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import updates
from tests.updates.steps import apply, game, quadratic, state_of


def test_ema_is_warmed_up_and_then_decays():
  update = updates.ema(0.5)
  state = state_of(update, {'w': 0.0})._replace(params={'w': jnp.float32(1.0)})
  expected = 0.0
  for count in range(12):
    state, _ = apply(update, state)
    rate = min(0.5, (1 + count) / (10 + count))
    expected = rate * expected + (1 - rate)
    np.testing.assert_allclose(updates.averaged_params(state)['w'], expected, rtol=1e-6)
  assert expected > 0.999


def test_statistics_that_extra_names_are_averaged_as_parameters_are():
  update = updates.ema(0.5)

  def extra(value):
    return {'flow': {'batch_stats': {'mean': jnp.float32(value)}, 'constants': jnp.int32(7)}, 'others': ()}

  state = state_of(update, {'w': 0.0})
  state = state._replace(
    extra={**extra(0), updates.AVERAGED: {'flow': {'batch_stats': {'mean': jnp.float32(0)}}}}
  )
  for value in (1.0, 2.0, 5.0):
    state = state._replace(params={'w': jnp.float32(value)}, extra={**state.extra, **extra(value)})
    state, _ = apply(update, state)
  found = updates.averaged_extra(state.extra)
  assert found['flow']['batch_stats']['mean'] == updates.averaged_params(state)['w']
  assert 1 < found['flow']['batch_stats']['mean'] < 5
  assert state.extra['flow']['batch_stats']['mean'] == 5
  assert (found['flow']['constants'], found['others']) == (7, ())
  assert updates.averaged_extra(extra(3)) == extra(3)


def test_averaged_params_are_found_anywhere_in_a_chain():
  update = updates.chain(
    updates.alternate(updates.minimize(quadratic(0.0), optax.adam(0.1))), updates.chain(updates.ema(0.9))
  )
  state = state_of(update, {'w': 1.0})
  assert updates.averaged_params(state)['w'] == 1.0
  plain = state_of(updates.minimize(quadratic(0.0), optax.adam(0.1)), {'w': 5.0})
  assert updates.averaged_params(plain) is plain.params


def test_the_average_of_a_player_moves_when_that_player_moves():
  """An average over all steps of a game with five discriminator steps forgets five times as fast."""
  update = game((1, 3))
  state, averages = state_of(update, {'d': 1.0, 'g': 1.0}), []
  for step in range(6):
    state, _ = apply(update, state._replace(step=jnp.int32(step)))
    averages.append(float(updates.averaged_params(state)['g']))
  # g is 1/2 after step 0 and 1/4 after step 3; the warm-up's rates are 1/10 and 2/11
  first = 0.1 * 1.0 + 0.9 * 0.5
  second = 2 / 11 * first + 9 / 11 * 0.25
  np.testing.assert_allclose(averages, [first] * 3 + [second] * 3, rtol=1e-6)


def test_what_is_not_averaged_is_as_it_is():
  update = game((1, 1))
  state, _ = apply(update, state_of(update, {'d': 1.0, 'g': 1.0}))
  averaged = updates.averaged_params(state)
  assert averaged['d'] == state.params['d'] == 0.5
  assert averaged['g'] != state.params['g']
  with pytest.raises(KeyError, match='nobody'):
    updates.ema(0.5, wrt='nobody').init(state.params)
