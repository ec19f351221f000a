"""Models on four devices: the step of one device, and, of parts, a fourth of the state on each."""

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


_GAME = """
import json, sys
from pathlib import Path
import jax, numpy as np
from jax import lax
from jaxgen import config as configs
from jaxgen import beginning, data, experiment, parallel
from jaxgen.families.gan import latents
from jaxgen.types import DATA_AXIS
from tests.contracts.configs import prepared

config = data.resolve(prepared(sys.argv[1], Path(sys.argv[2])))
for section in configs.optimizers(config):
  config[section].update(dict(name='sgd', learning_rate=0.01, weight_decay=0.0))

def share_of_one_draw(rng, num, latent_dim, **knobs):
  z = jax.random.normal(jax.random.key(5), (config.batch_size, latent_dim))
  return z if num == len(z) else lax.dynamic_slice_in_dim(z, num * lax.axis_index(DATA_AXIS), num)

def unsettled(rng, batch):
  'With vectors that power iterations have not begun on: at first they are settled, and a step would not move them.'
  params, extra = model.init(rng, batch)
  draw = lambda path, leaf: jax.random.normal(rng, leaf.shape) if 'spectral' in str(path) else leaf
  return params, jax.tree_util.tree_map_with_path(draw, extra)

latents.normal = share_of_one_draw  # each device draws its own otherwise
model = experiment.build_model(config)
begun = model._replace(init=unsettled)
batch = beginning.first_batch(data.load(config.data, 'train'), config)
found = {}
for backend in ('jit', *sys.argv[3].split()):
  step = parallel.data_parallel(model.update.apply, backend, jax.devices()[:1] if backend == 'jit' else None)
  state = beginning.first_state(begun, config, batch, backend)
  found['before'] = parallel.on_host((state.params, state.extra))
  state, _ = step(state, jax.tree.map(lambda leaf: leaf[None], batch), None)
  found[backend] = parallel.on_host((state.params, state.extra))

def apart(one, other):
  'The farthest entry of what has one name, in params and in extra.'
  pairs = zip(jax.tree_util.tree_leaves_with_path(found[one]), jax.tree.leaves(found[other]), strict=True)
  rows = [(jax.tree_util.keystr(path), float(np.abs(leaf - again).max())) for (path, leaf), again in pairs]
  return {
    part: max(value for path, value in rows if part in path)
    for part in ('', *sys.argv[4:])
  }

print(json.dumps({name: apart('jit', name) for name in found}))
"""


# config -> the ways to take its step on four devices, and what its `extra` holds of batches and of weights
GAMES = {
  'gan_digits': ('shard_map fsdp', 'batch_stats'),
  'biggan_digits': ('shard_map', 'batch_stats', 'spectral'),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', GAMES)
def test_statistics_of_a_game_on_four_devices_are_those_of_one(name, run_python, tmp_path):
  """One step of both players, whose generated examples are those of one device: parameters, batch statistics and power
  iterations are the same, and have moved."""
  done = run_python('-c', _GAME, name, tmp_path, *GAMES[name], devices=4, env={'PYTHONPATH': str(ROOT)})
  assert done.returncode == 0, done.stderr[-3000:]
  found = json.loads(done.stdout.splitlines()[-1])
  assert min(found['before'].values()) > 1e-3
  for backend in GAMES[name][0].split():
    assert max(found[backend].values()) < 1e-5
