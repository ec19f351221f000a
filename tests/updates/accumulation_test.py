import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import updates
from jaxgen.types import State
from tests.updates.steps import apply, mean, quadratic, state_of


def regression(params, extra, rng, batch):
  """A mean over examples, without noise; `extra` counts the examples that went by."""
  del rng
  x = batch['x']
  error = (jnp.tanh(x @ params['w']) - batch['y']) ** 2
  extra = {'seen': extra['seen'] + len(x)}
  by_weight = updates.ratio(error, 1 + x[:, 0] ** 2)
  return error.mean(), (extra, {'loss': error, 'number': jnp.float32(2.0), 'by_weight': by_weight})


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
