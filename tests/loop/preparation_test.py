import jax
import numpy as np

from jaxgen import data
from jaxgen.loop import preparation
from tests import tiny_config


def test_a_run_begins_with_its_first_state_and_a_compiled_step(tmp_path, capsys):
  config = data.resolve(tiny_config.get_config('smoke'))
  config.update(dict(steps_per_dispatch=2, num_steps=4))
  setting = preparation.prepare(config, tmp_path)
  first = next(preparation.dispatches(setting, 0, config.num_steps)).batches
  start = preparation.trace(setting)
  assert not setting.step.is_compiled(first)
  assert capsys.readouterr().out == ''

  state = preparation.begin(setting, start)
  jax.tree.map(np.testing.assert_array_equal, state, preparation.first_state(setting))
  assert setting.step.is_compiled(first)
  assert not setting.step.is_compiled(first[:1])
  assert capsys.readouterr().out.startswith('compile  the first state and the training step ... ')
