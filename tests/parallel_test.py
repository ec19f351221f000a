import json

import numpy as np
import pytest

from jaxgen import parallel
from jaxgen.errors import UserError
from tests.tiny_config import get_config

# pmap and shard_map need several devices, and a process has its number of host devices for life.
_SCRIPT = """
import contextlib, json, jax, jax.numpy as jnp, numpy as np, optax
from jaxgen import parallel, updates

def loss(params, extra, rng, batch):
  noise = NOISE * jax.random.normal(rng, batch['x'].shape)
  error = ((batch['x'] + noise) @ params['w']) ** 2
  return error.mean(), ({'mean': error.mean()}, {'loss': error.mean(-1), 'draw': jax.random.uniform(rng)})

@contextlib.contextmanager
def compilations():
  seen = []
  def see(event, seconds, **_):
    if event == '/jax/core/compile/backend_compile_duration':
      seen.append(event)
  jax.monitoring.register_event_duration_secs_listener(see)
  yield seen
  jax.monitoring.unregister_event_duration_listener(see)

update = updates.chain(
  updates.every(2, updates.minimize(loss, optax.adam(0.1), axis_name='data')), updates.ema(0.9))
x = np.random.RandomState(0).randn(100, 8).astype(np.float32)
result = {}
backends = [('jit', 1), ('pmap', 4), ('shard_map', 4), ('fsdp', 4)]
# without noise all numbers of devices agree; with it, a backend agrees with itself
for NOISE, several in ((0.0, [*backends, ('pmap', 2)]), (1.0, backends)):
  for backend, count in several:
    devices = jax.devices()[:count]
    step = parallel.data_parallel(update.apply, backend, devices)
    params = {'w': jnp.ones((8, 3))}
    state = parallel.initial_state(params, {'mean': jnp.zeros(())}, update.init(params), jax.random.key(0))
    state = parallel.place(state, backend, devices)
    resident = parallel.replicate({'x': x}, backend, devices)
    for first in (0, 3):
      indices = np.arange(first * 8, first * 8 + 24).reshape(3, 8)
      state, metrics = step(state, indices, resident)
    result[f'{backend}{count} {NOISE}'] = {
      'w': np.asarray(state.params['w']).tolist(),
      'step': int(state.step), 'loss': (metrics['loss'].total / jnp.maximum(1, metrics['loss'].count)).tolist(),
      'count': metrics['loss'].count.tolist(), 'draw': (metrics['draw'].total / metrics['draw'].count).tolist(),
      'rank': np.asarray(state.params['w']).ndim,
      'held': state.params['w'].addressable_data(0).shape,
    }
    if not NOISE:
      continue
    # the same steps one by one and from batches that travel
    start = parallel.initial_state(params, {'mean': jnp.zeros(())}, update.init(params), jax.random.key(0))
    other = parallel.place(start, backend, devices)
    for first in range(6):
      other, _ = step(other, {'x': x[None, first * 8:first * 8 + 8]}, None)
    ahead = parallel.data_parallel(update.apply, backend, devices)
    shapes = parallel.shapes(jax.eval_shape(lambda: start), backend, devices)
    ahead.compile(shapes, np.zeros((3, 8), np.int32), resident)
    ready = parallel.place(start, backend, devices)
    with compilations() as compiled:
      for first in (0, 3):
        ready, _ = ahead(ready, np.arange(first * 8, first * 8 + 24, dtype=np.int32).reshape(3, 8), resident)
    result[f'{backend}{count} {NOISE}'] |= {
      'other': np.asarray(other.params['w']).tolist(),
      'ahead': np.asarray(ready.params['w']).tolist(), 'compiled': len(compiled),
    }
print(json.dumps(result))
"""


@pytest.fixture(scope='module')
def results(run_python):
  done = run_python('-c', _SCRIPT, devices=4)
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


@pytest.mark.parametrize('backend', ['pmap4', 'shard_map4', 'pmap2', 'fsdp4'])
def test_every_backend_computes_what_one_device_does(results, backend):
  one, many = results['jit1 0.0'], results[f'{backend} 0.0']
  np.testing.assert_allclose(many['w'], one['w'], rtol=1e-5)
  np.testing.assert_allclose(many['loss'], one['loss'], rtol=1e-5)
  assert many['count'] == one['count'] == [0.0, 8.0, 0.0]
  assert many['step'] == one['step'] == 6
  assert many['rank'] == 2


def test_fsdp_draws_the_noise_of_one_device_and_holds_a_part(results):
  one, many = results['jit1 1.0'], results['fsdp4 1.0']
  np.testing.assert_allclose(many['w'], one['w'], rtol=1e-5)
  assert many['draw'][1] == pytest.approx(one['draw'][1])
  assert (many['held'], results['pmap4 1.0']['held'], one['held']) == ([2, 3], [8, 3], [8, 3])


def test_pmap_and_shard_map_draw_the_same_noise(results):
  assert results['pmap4 1.0']['w'] == results['shard_map4 1.0']['w']


def test_devices_draw_different_noise(results):
  """The mean of four draws is not the draw of one device alone."""
  four, one = results['pmap4 1.0']['draw'][1], results['jit1 1.0']['draw'][1]
  assert four != pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize('backend', ['jit1', 'pmap4', 'shard_map4', 'fsdp4'])
def test_several_steps_a_dispatch_are_single_steps(results, backend):
  result = results[f'{backend} 1.0']
  np.testing.assert_allclose(result['w'], result['other'], rtol=1e-5)


@pytest.mark.parametrize('backend', ['jit1', 'pmap4', 'shard_map4'])
def test_a_step_compiled_ahead_of_its_state_is_the_step_bit_for_bit_and_is_not_compiled_again(
  results, backend
):
  result = results[f'{backend} 1.0']
  assert result['ahead'] == result['w']
  assert result['compiled'] == 0


def test_one_device_is_jit_whatever_the_config_says():
  assert parallel.backend(get_config(), devices=[object()]) == 'jit'
  assert parallel.backend(get_config(), devices=[object()] * 4) == 'pmap'


def test_a_batch_that_devices_do_not_divide_is_refused():
  config = get_config()
  config.batch_size = 10
  with pytest.raises(
    UserError, match=r'batch_size=10 cannot be divided by 4 devices; try --config.batch_size=8\.'
  ):
    parallel.backend(config, devices=[object()] * 4)


def test_fsdp_on_a_batch_that_devices_do_not_divide_ends_in_a_sentence(run_python, tmp_path):
  options = ['--config.parallel=fsdp', '--config.batch_size=10', f'--workdir={tmp_path}/run']
  done = run_python('-m', 'jaxgen.main', '--config=tests/tiny_config.py', *options, devices=4)
  assert (done.returncode, done.stderr.count('\n')) == (2, 1)
  assert 'config.batch_size=10 cannot be divided by 4 devices; try --config.batch_size=8.' in done.stderr
  assert not (tmp_path / 'run').exists()


def test_an_unknown_backend_is_refused():
  config = get_config()
  config.parallel = 'magic'
  with pytest.raises(UserError, match='must be pmap or shard_map or fsdp'):
    parallel.backend(config)


@pytest.mark.parametrize(
  'environment, sentence',
  [
    ({'JAX_PLATFORMS': 'cuda'}, 'jax finds no device cuda'),
    ({'JAX_PLATFORMS': 'abacus'}, 'unset JAX_PLATFORMS, or set it to cpu.'),
    ({'JAXGEN_COORDINATOR': 'localhost:1'}, 'set all three, or none.'),
    ({'JAXGEN_COORDINATOR': 'localhost', 'JAXGEN_NUM_PROCESSES': '2', 'JAXGEN_PROCESS_ID': '0'}, 'host:port'),
  ],
)
def test_a_machine_that_is_not_what_the_environment_says_is_told_in_a_sentence(
  run_python, tmp_path, environment, sentence
):
  done = run_python(
    '-m', 'jaxgen.main', '--config=tests/tiny_config.py', f'--workdir={tmp_path}/run', env=environment
  )
  assert (done.returncode, done.stderr.count('\n')) == (2, 1)
  assert done.stderr.startswith('jaxgen: ') and sentence in done.stderr
  assert not (tmp_path / 'run').exists()
