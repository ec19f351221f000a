"""Optimizers by their first steps, which are known; schedules by the step at which they end."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config as configs
from jaxgen import data, optim, train
from jaxgen.runs import history, workdir
from tests.tiny_config import get_config


def moves(gradients, **settings):
  """What each of some gradients moves a single parameter by."""
  tx = optim.make(configs.optimizer(learning_rate=1.0, **settings), 100)
  param = jnp.zeros(())
  state, found = tx.init(param), []
  for gradient in gradients:
    step, state = tx.update(jnp.float32(gradient), state, param)
    found.append(float(step))
  return found


@pytest.mark.parametrize(
  ('settings', 'expected'),
  [
    (dict(name='sgd'), [-2, -2]),
    (dict(name='sgd', momentum=0.5), [-2, -3]),
    # mean squares 0.1 * 4 and 0.9 * 0.4 + 0.1 * 4; Adam's settings have no part in it
    (dict(name='rmsprop', b1=0.3, b2=0.7), [-2 / 0.4**0.5, -2 / 0.76**0.5]),
    (dict(name='rmsprop', rms_decay=0.5), [-2 / 2**0.5, -2 / 3**0.5]),
    (dict(name='rmsprop', momentum=0.5), [-2 / 0.4**0.5, -2 / 0.76**0.5 - 1 / 0.4**0.5]),
    (dict(name='rmsprop', eps=1.0), [-2 / (0.4**0.5 + 1), -2 / (0.76**0.5 + 1)]),
    (dict(name='adam', momentum=0.5), [-1, -1]),
    (dict(name='adamax', rms_decay=0.5), [-1, -1]),
  ],
  ids=str,
)
def test_the_first_steps_of_each_rule(settings, expected):
  np.testing.assert_allclose(moves((2, 2), **settings), expected, rtol=1e-4)


def rates(num_steps, period=1, **settings):
  config = configs.optimizer(name='sgd', learning_rate=1.0, **settings)
  tx = optim.make(config, num_steps, period=period)
  state, found = tx.init(jnp.zeros(())), []
  for _ in range(6):
    step, state = tx.update(jnp.ones(()), state)
    found.append(-float(step))
  return np.array(found)


@pytest.mark.parametrize('schedule', ['cosine', 'linear'])
def test_a_schedule_ends_at_decay_steps_or_else_with_the_run(schedule):
  assert (rates(4, schedule=schedule) > 0).tolist() == [True] * 4 + [False] * 2
  np.testing.assert_array_equal(rates(4, schedule=schedule), rates(100, schedule=schedule, decay_steps=4))
  # an optimizer that moves at every second step has half as many moves until there
  np.testing.assert_array_equal(rates(8, period=2, schedule=schedule), rates(4, schedule=schedule))


def _run(folder, capsys, **changes):
  config = get_config()
  config.update(dict(num_steps=4, log_every=0, checkpoint_every=2, eval_every=0, sample_every=0))
  config.optimizer.schedule = 'cosine'
  config.update(changes)
  state = train.train(config, folder)
  return state, capsys.readouterr().out


def test_more_steps_keep_the_schedule_that_the_run_began_with_and_say_so(tmp_path, capsys):
  _, output = _run(tmp_path / 'run', capsys)
  assert 'schedule' not in output
  extended, output = _run(tmp_path / 'run', capsys, num_steps=6)
  assert (
    'schedule the cosine of config.optimizer ends at step 4 (decay_steps), the run at 6: the rate is 0 in between; '
    'a new run of 6 steps would learn at other rates, to other parameters'
  ) in output
  straight, _ = _run(tmp_path / 'straight', capsys, num_steps=6, optimizer=dict(decay_steps=4))
  np.testing.assert_array_equal(extended.params['logits'], straight.params['logits'])
  other, output = _run(tmp_path / 'other', capsys, num_steps=6)
  assert 'schedule' not in output
  assert np.any(other.params['logits'] != straight.params['logits'])


def test_a_run_that_has_made_no_step_fixes_no_schedule(tmp_path, capsys):
  config = data.resolve(get_config())
  config.num_steps = 2
  (tmp_path / 'config.json').write_text(configs.to_json(configs.fix_schedules(config)))
  _, output = _run(tmp_path, capsys)
  assert 'schedule' not in output
  assert workdir.load_config(tmp_path).optimizer.decay_steps == 4


def test_a_run_that_is_older_than_the_key_ends_its_schedule_where_it_did(tmp_path, capsys):
  state, _ = _run(tmp_path / 'run', capsys)
  path = tmp_path / 'run' / 'config.json'
  path.write_text(path.read_text().replace('    "decay_steps": 4,\n', ''))
  assert 'decay_steps' not in path.read_text()
  assert history.load(path).optimizer.decay_steps == 4
  _, output = _run(tmp_path / 'run', capsys)
  assert 'done     already' in output
