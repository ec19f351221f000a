"""A pool of earlier translations in the program of each backend: what devices hold, and what a resumed run finds."""

import json

import pytest

from tests.conftest import ROOT

# Each process has its number of devices for life.
_SCRIPT = """
import json
import jax, jax.numpy as jnp, numpy as np, optax
from flax import linen as nn
from jaxgen import parallel
from jaxgen.families.gan import cycle_gan
from jaxgen.losses.gan import LOSSES
from jaxgen.types import Field

class Dense(nn.Module):
  features: int = 2

  @nn.compact
  def __call__(self, x, train):
    return nn.Dense(self.features)(x)

X = Field('vector', (2,), 0)
model = cycle_gan(
  Dense(), Dense(), Dense(1), Dense(1), loss=LOSSES['least_squares'], tx_generators=optax.sgd(0.1),
  tx_discriminators=optax.sgd(0.1), ema_decay=0.5, x=X, y=X, pool=9)
x = np.random.RandomState(0).randn(6, 1, 8, 2).astype(np.float32)
batches = [{'x': each, 'y': each[:, ::-1] + 1} for each in x]

def run(state, step, batches):
  for batch in batches:
    state, _ = step(state, batch, None)
  return state

found = {}
for backend, count in [('jit', 1), ('pmap', 4), ('shard_map', 4), ('fsdp', 4)]:
  devices = jax.devices()[:count]
  step = parallel.data_parallel(model.update.apply, backend, devices)
  def start():
    params, extra = jax.jit(model.init)(jax.random.key(0), {name: each[0] for name, each in batches[0].items()})
    return parallel.initial_state(params, extra, model.update.init(params), jax.random.key(1))
  whole = run(parallel.place(start(), backend, devices), step, batches)
  half = parallel.on_host(run(parallel.place(start(), backend, devices), step, batches[:3]))
  resumed = run(parallel.place(half, backend, devices), step, batches[3:])
  same = jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), whole, resumed)
  pool = whole.extra['pool']['x']
  held = [np.asarray(shard.data) for shard in pool['images'].addressable_shards]
  found[backend] = {
    'resumed': all(jax.tree.leaves(same)),
    'half': int(half.extra['pool']['x']['filled']),
    'filled': int(pool['filled']),
    'images': np.asarray(pool['images']).tolist(),
    'w': np.asarray(whole.params['to_x']['Dense_0']['kernel']).tolist(),
    'alike': all((part == held[0]).all() for part in held)}
print(json.dumps(found))
"""


@pytest.fixture(scope='module')
def found(run_python):
  done = run_python('-c', _SCRIPT, devices=4, env={'PYTHONPATH': str(ROOT)})
  assert done.returncode == 0, done.stderr[-3000:]
  return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize('backend', ['jit', 'pmap', 'shard_map', 'fsdp'])
def test_a_resumed_run_finds_the_pool_that_was_bit_for_bit(found, backend):
  assert found[backend]['resumed']
  assert (found[backend]['half'], found[backend]['filled']) == (9, 9)


@pytest.mark.parametrize('backend', ['pmap', 'shard_map'])
def test_all_devices_hold_the_pools_of_all(found, backend):
  assert found[backend]['alike']
  assert len({tuple(image) for image in found[backend]['images']}) == 9  # nobody's mean, and none twice


def test_the_programs_of_several_devices_agree(found):
  assert found['pmap']['images'] == found['shard_map']['images']


def test_parts_of_a_state_take_the_step_of_one_device(found):
  assert found['fsdp']['w'] == [pytest.approx(row, abs=1e-5) for row in found['jit']['w']]
  assert found['fsdp']['images'] == [pytest.approx(image, abs=1e-5) for image in found['jit']['images']]
