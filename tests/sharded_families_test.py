"""Parts of a model on four devices: the step of one device, and a fourth of its state on each."""

import json

import pytest

from tests.conftest import ROOT
from tests.contracts.configs import one_per_family

_SCRIPT = """
import json, sys
from pathlib import Path
import jax, numpy as np
from jaxgen import config as configs
from jaxgen import beginning, data, experiment, parallel
from tests.contracts.configs import prepared

config = data.resolve(prepared(sys.argv[1], Path(sys.argv[2])))
for section in configs.optimizers(config):
  config[section].update(dict(name='sgd', weight_decay=0.0))  # Adam makes a step of a gradient's last digit
model = experiment.build_model(config)
batch = beginning.first_batch(data.load(config.data, 'train'), config)
found, held = {}, {}
for backend, devices in (('jit', jax.devices()[:1]), ('fsdp', None)):
  step = parallel.data_parallel(model.update.apply, backend, devices)
  state = beginning.first_state(model, config, batch, backend)
  for _ in range(2):
    state, _ = step(state, jax.tree.map(lambda leaf: leaf[None], batch), None)
  found[backend] = jax.tree.leaves(parallel.on_host(state.params))
  held[backend] = sum(leaf.addressable_data(0).nbytes for leaf in jax.tree.leaves((state.params, state.opt)))
apart = max(float(np.abs(one - other).max()) for one, other in zip(found['jit'], found['fsdp'], strict=True))
print(json.dumps({'apart': apart, 'share': held['fsdp'] / held['jit']}))
"""


@pytest.mark.slow
@pytest.mark.parametrize('name', one_per_family())
def test_parts_of_a_model_take_the_step_of_one_device(name, run_python, tmp_path):
  done = run_python('-c', _SCRIPT, name, tmp_path, devices=4, env={'PYTHONPATH': str(ROOT)})
  assert done.returncode == 0, done.stderr[-3000:]
  found = json.loads(done.stdout.splitlines()[-1])
  assert found['apart'] < 1e-5
  assert found['share'] < 0.4
