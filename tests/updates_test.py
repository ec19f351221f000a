import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

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


def test_minimize_takes_the_step_of_the_optimizer():
  update = updates.minimize(quadratic(3.0), optax.sgd(0.5))
  state, metrics = apply(update, state_of(update, {'w': 1.0}))
  assert state.params['w'] == 2.0
  assert mean(metrics['loss']) == 2.0
  assert metrics['loss'].count == 4
  assert mean(metrics['grad_norm']) == 2.0


def test_minimize_moves_only_what_wrt_names():
  def loss(params, extra, rng, batch):
    del rng, batch
    value = params['a'] * params['b'] * params['c']
    return value, (extra, {'loss': value})

  update = updates.minimize(loss, optax.sgd(1.0), wrt=('a', 'b'))
  state, metrics = apply(update, state_of(update, {'a': 2.0, 'b': 3.0, 'c': 1.0}))
  assert {key: float(value) for key, value in state.params.items()} == {'a': -1.0, 'b': 1.0, 'c': 1.0}
  assert 'a_b_grad_norm' in metrics


def test_minimize_refuses_a_key_that_is_not_there():
  with pytest.raises(KeyError, match='nobody'):
    updates.minimize(quadratic(0.0), optax.sgd(1.0), wrt='nobody').init({'w': jnp.ones(())})


def test_the_frozen_weights_of_stages_stay_what_they_are_across_devices():
  """A mean of three equal numbers is that number only up to rounding, and there is one at each step."""
  weights = jax.random.normal(jax.random.key(0), (1000,))
  update = updates.minimize(quadratic(0.0), optax.sgd(0.0), axis_name='data')
  state = state_of(update, {'w': 1.0})._replace(extra={'stages': {'teacher': weights}, 'moving': weights})
  step = jax.vmap(lambda x: update.apply(state, jax.random.key(0), {'x': x})[0].extra, axis_name='data')
  extra = step(jnp.ones((3, 1)))
  np.testing.assert_array_equal(extra['stages']['teacher'][0], weights)
  np.testing.assert_allclose(extra['moving'][0], weights, rtol=1e-6)


def test_minimize_leaves_integer_counters_integers_across_devices():
  def loss(params, extra, rng, batch):
    del rng, batch
    return params['w'] ** 2, ({'count': extra['count'] + 1, 'mean': params['w'] * 2}, {'loss': params['w']})

  update = updates.minimize(loss, optax.sgd(0.0), axis_name='data')
  state = state_of(update, {'w': 1.0})._replace(extra={'count': jnp.int32(0), 'mean': jnp.float32(0)})
  step = jax.vmap(lambda x: update.apply(state, jax.random.key(0), {'x': x}), axis_name='data')
  extra = step(jnp.ones((2, 3)))[0].extra
  assert extra['count'].dtype == jnp.int32
  np.testing.assert_array_equal(extra['mean'], [2.0, 2.0])


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


def test_averaged_params_are_found_anywhere_in_a_chain():
  update = updates.chain(
    updates.alternate(updates.minimize(quadratic(0.0), optax.adam(0.1))), updates.chain(updates.ema(0.9))
  )
  state = state_of(update, {'w': 1.0})
  assert updates.averaged_params(state)['w'] == 1.0
  plain = state_of(updates.minimize(quadratic(0.0), optax.adam(0.1)), {'w': 5.0})
  assert updates.averaged_params(plain) is plain.params


def _game(periods):
  """Two players, each with a quadratic of its own; the second is averaged."""
  first = updates.minimize(quadratic(0.0, 'd', 'd_loss'), optax.sgd(0.5), wrt='d')
  second = updates.minimize(quadratic(0.0, 'g', 'g_loss'), optax.sgd(0.5), wrt='g')
  return updates.alternate(first, updates.chain(second, updates.ema(0.5, wrt='g')), periods=periods)


def test_the_average_of_a_player_moves_when_that_player_moves():
  """An average over all steps of a game with five discriminator steps forgets five times as fast."""
  update = _game((1, 3))
  state, averages = state_of(update, {'d': 1.0, 'g': 1.0}), []
  for step in range(6):
    state, _ = apply(update, state._replace(step=jnp.int32(step)))
    averages.append(float(updates.averaged_params(state)['g']))
  # g is 1/2 after step 0 and 1/4 after step 3; the warm-up's rates are 1/10 and 2/11
  first = 0.1 * 1.0 + 0.9 * 0.5
  second = 2 / 11 * first + 9 / 11 * 0.25
  np.testing.assert_allclose(averages, [first] * 3 + [second] * 3, rtol=1e-6)


def test_what_is_not_averaged_is_as_it_is():
  update = _game((1, 1))
  state, _ = apply(update, state_of(update, {'d': 1.0, 'g': 1.0}))
  averaged = updates.averaged_params(state)
  assert averaged['d'] == state.params['d'] == 0.5
  assert averaged['g'] != state.params['g']
  with pytest.raises(KeyError, match='nobody'):
    updates.ema(0.5, wrt='nobody').init(state.params)


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


def _silent(update):
  """Without metrics, of which two updates may not have the same."""
  return updates.Update(update.init, lambda *args: (update.apply(*args)[0], {}))


def test_means_leave_out_what_an_idle_player_did_not_say():
  update = _game((1, 2))
  state = state_of(update, {'d': 2.0, 'g': 1.0}, step=1)
  _, metrics = apply(update, state)
  found = updates.means(metrics)
  assert set(found) == {'d_loss', 'd_grad_norm'}
  assert found['d_loss'] == 2.0
  stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), metrics, apply(update, state._replace(step=0))[1])
  assert updates.means(stacked)['g_loss'] == 0.5


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


def regression(params, extra, rng, batch):
  """A mean over examples, without noise; `extra` counts the examples that went by."""
  del rng
  x = batch['x']
  error = (jnp.tanh(x @ params['w']) - batch['y']) ** 2
  extra = {'seen': extra['seen'] + len(x)}
  return error.mean(), (extra, {'loss': error, 'number': jnp.float32(2.0)})


def regression_state(update):
  params = {'w': jnp.linspace(-1.0, 1.0, 5)}
  extra = {'seen': jnp.zeros((), jnp.int32)}
  return State(jnp.int32(0), params, extra, update.init(params), jax.random.key_data(jax.random.key(0)))


def several_steps(update, num=4):
  """The states and metrics of consecutive steps, in one program as in a dispatch."""
  values = np.random.default_rng(0).standard_normal((num, 12, 6)).astype(np.float32)
  batches = {'x': jnp.asarray(values[..., :5]), 'y': jnp.asarray(values[..., 5])}

  def body(state, batch):
    state, metrics = update.apply(state, jax.random.fold_in(jax.random.key(0), state.step), batch)
    return state._replace(step=state.step + 1), metrics

  return jax.lax.scan(body, regression_state(update), batches)


@pytest.mark.parametrize('num', [2, 6])
@pytest.mark.parametrize(
  'make',
  [
    lambda: updates.minimize(regression, optax.adam(0.1)),
    lambda: updates.chain(
      updates.scheduled(lambda step: updates.minimize(regression, optax.sgd(0.1 * step))), updates.ema(0.9)
    ),
    lambda: updates.alternate(
      updates.minimize(regression, optax.adam(0.1), wrt='w'), updates.ema(0.9), periods=(2, 1)
    ),
    lambda: updates.repeat(2, updates.minimize(regression, optax.sgd(0.1))),
  ],
  ids=['minimize', 'scheduled', 'alternate', 'repeat'],
)
def test_slices_together_are_the_step_of_the_whole_batch(make, num):
  whole, metrics = several_steps(make())
  state, sliced = several_steps(updates.accumulated(num, make()))
  rounding = {'rtol': 1e-5, 'atol': 1e-6}
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **rounding), state.params, whole.params)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **rounding), state.opt, whole.opt)
  assert state.extra['seen'] == whole.extra['seen']
  for name, value in updates.means(metrics).items():
    assert updates.means(sliced)[name] == pytest.approx(float(value), rel=1e-5)


def test_noise_is_drawn_for_each_slice_so_that_the_mean_step_is_that_of_the_whole_batch():
  def loss(params, extra, rng, batch):
    draw = jax.random.normal(rng, batch['x'].shape)
    value = params['w'] * (batch['x'] + draw)
    return value.mean(), (extra, {'loss': value})

  def moved(update, seed):
    state = state_of(update, {'w': 0.0})
    return jax.jit(update.apply)(state, jax.random.key(seed), {'x': jnp.ones(8)})[0].params['w']

  sliced = updates.accumulated(4, updates.minimize(loss, optax.sgd(1.0)))
  steps = np.asarray([moved(sliced, seed) for seed in range(400)])
  # 8 independent draws a step: the same key for every slice would give the deviation of 2
  assert steps.mean() == pytest.approx(-1.0, abs=4 * 8**-0.5 / 20)
  assert steps.std() == pytest.approx(8**-0.5, rel=0.15)


def test_slices_leave_what_they_measure_to_the_next():
  def loss(params, extra, rng, batch):
    del rng
    return params['w'], ({'mean': 0.5 * (extra['mean'] + batch['x'].mean())}, {'before': extra['mean']})

  update = updates.accumulated(2, updates.minimize(loss, optax.sgd(1.0)))
  state = state_of(update, {'w': 0.0})._replace(extra={'mean': jnp.zeros(())})
  state, metrics = apply(update, state, {'x': jnp.asarray([4.0, 8.0, 4.0, 8.0])})  # slices of 4s and of 8s
  assert state.extra['mean'] == 5.0
  assert mean(metrics['before']) == 1.0


def test_a_batch_that_slices_do_not_divide_is_refused():
  update = updates.accumulated(3, updates.minimize(quadratic(0.0), optax.sgd(1.0)))
  with pytest.raises(ValueError, match='3 slices do not divide a batch of 4 examples per device'):
    apply(update, state_of(update, {'w': 1.0}))
