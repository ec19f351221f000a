"""The loop: resumed runs are the uninterrupted run, also after real kills; nothing is lost; failures are sentences."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest

from jaxgen import experiment, train
from jaxgen.errors import UserError
from jaxgen.loop import preparation
from jaxgen.metrics import results
from jaxgen.runs import workdir as workdirs
from jaxgen.runs import writers
from jaxgen.runs.checkpoint import Checkpoints
from tests.conftest import ROOT
from tests.tiny_config import get_config

STEPS = 300
QUICK = ('--config.eval_every=0', '--config.sample_every=0', '--config.log_every=25')


def params_of(workdir):
  return jax.device_get(experiment.load(workdir, workdirs.load_config(workdir)).state)


def rows_of(workdir):
  return [{k: v for k, v in row.items() if 'per_second' not in k} for row in writers.read(workdir)]


def assert_bit_identical(one, two):
  jax.tree.map(np.testing.assert_array_equal, one, two)


def command(workdir, *more):
  return [
    '-m', 'jaxgen.main', '--config=tests/tiny_config.py', f'--workdir={workdir}', f'--config.num_steps={STEPS}',
    '--config.steps_per_dispatch=5', '--config.checkpoint_every=10', *QUICK, *more,
  ]  # fmt: skip


@pytest.fixture(scope='module')
def uninterrupted(run_python, tmp_path_factory):
  workdir = tmp_path_factory.mktemp('runs') / 'whole'
  done = run_python(*command(workdir))
  assert done.returncode == 0, done.stderr
  return workdir


@pytest.fixture(scope='module')
def noiseless(run_python, tmp_path_factory):
  """A run of one device that draws no noise: what devices and hosts agree with."""
  workdir = tmp_path_factory.mktemp('runs') / 'noiseless'
  done = run_python(*command(workdir, '--config.model.noise=0.0'))
  assert done.returncode == 0, done.stderr
  return workdir


def checkpoints_in(workdir):
  folder = workdir / 'checkpoints'
  return [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []


def further_than(workdir, step):
  return lambda: max(checkpoints_in(workdir), default=0) > step


def start_and_signal(arguments, number, ready, delay=0.0):
  """Starts a run and sends it a signal `delay` seconds after `ready()`; returns exit code and output."""
  process = subprocess.Popen(
    [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
  )
  deadline = time.time() + 120
  while process.poll() is None and not ready() and time.time() < deadline:
    time.sleep(0.002)
  time.sleep(delay)
  process.send_signal(number)
  output, _ = process.communicate(timeout=120)
  return process.returncode, output


def test_a_run_killed_again_and_again_is_the_uninterrupted_run(uninterrupted, run_python, tmp_path):
  arguments = command(tmp_path / 'run')
  reached = 0
  for delay in (0.0, 0.013, 0.031):
    code, output = start_and_signal(arguments, signal.SIGKILL, further_than(tmp_path / 'run', reached), delay)
    assert code == -signal.SIGKILL, output
    reached = max(checkpoints_in(tmp_path / 'run'))
    assert 0 < reached < STEPS
  done = run_python(*arguments)
  assert done.returncode == 0, done.stderr
  assert f'resumed  at step {reached}' in done.stdout
  assert_bit_identical(params_of(tmp_path / 'run'), params_of(uninterrupted))
  assert rows_of(tmp_path / 'run') == rows_of(uninterrupted)


def test_sigterm_saves_and_says_how_to_go_on(uninterrupted, run_python, tmp_path):
  # It makes no checkpoints of its own: what it goes on from is what SIGTERM made it save.
  arguments = command(tmp_path / 'run', '--config.num_steps=1000000', '--config.checkpoint_every=0')
  started = lambda: bool(writers.read(tmp_path / 'run'))  # noqa: E731
  code, output = start_and_signal(arguments, signal.SIGTERM, started)
  assert code == 143, output
  assert f'To go on: python -m jaxgen.main --workdir={tmp_path}/run' in output
  stopped = int(output.split('Stopped at step ')[1].split()[0])
  assert checkpoints_in(tmp_path / 'run') == [stopped]


def test_a_run_ends_with_its_minutes_and_goes_on_with_more(tmp_path, capsys):
  config = get_config()
  config.update(dict(num_steps=10**9, max_minutes=0.5 / 60, checkpoint_every=0, eval_every=0, sample_every=0))
  steps = int(train.train(config, tmp_path).step)
  assert checkpoints_in(tmp_path) == [steps]
  assert writers.read(tmp_path)[-1]['step'] == steps
  assert int(train.train(config, tmp_path).step) == steps
  assert 'done     already' in capsys.readouterr().out
  config.max_minutes = 1 / 60
  assert steps < int(train.train(config, tmp_path).step) < 10**9


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_and_another_does_not(uninterrupted, run_python, tmp_path):
  for name, more in (('same', []), ('other', ['--config.seed=1'])):
    assert run_python(*command(tmp_path / name, *more)).returncode == 0
  assert_bit_identical(params_of(tmp_path / 'same'), params_of(uninterrupted))
  assert rows_of(tmp_path / 'same') == rows_of(uninterrupted)
  other = params_of(tmp_path / 'other').params['logits']
  assert np.abs(other - params_of(uninterrupted).params['logits']).max() > 1e-3


# `devices_test.py` has every mode with each of them on every number of devices.
BACKENDS = ['pmap', 'shard_map', 'fsdp']


@pytest.mark.slow
@pytest.mark.parametrize('parallel', BACKENDS)
def test_a_run_goes_on_with_fewer_devices(noiseless, run_python, tmp_path, parallel):
  arguments = ['--config.model.noise=0.0', f'--config.parallel={parallel}']
  for devices, steps in ((4, 100), (2, 200), (1, STEPS)):
    done = run_python(*command(tmp_path / 'many', *arguments, f'--config.num_steps={steps}'), devices=devices)
    assert done.returncode == 0, done.stderr
    assert f'devices  {devices} x cpu' in done.stdout
  one, many = params_of(noiseless), params_of(tmp_path / 'many')
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one.params, many.params)


def on_two_hosts(arguments):
  """What each of them prints."""
  with socket.socket() as free:
    free.bind(('localhost', 0))
    port = free.getsockname()[1]
  hosts = {'JAXGEN_COORDINATOR': f'localhost:{port}', 'JAXGEN_NUM_PROCESSES': '2'}
  started = [
    subprocess.Popen(
      [sys.executable, *arguments], cwd=ROOT, env=os.environ | hosts | {'JAXGEN_PROCESS_ID': str(index)},
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    for index in (0, 1)
  ]  # fmt: skip
  outputs = [process.communicate(timeout=240)[0] for process in started]
  assert [process.returncode for process in started] == [0, 0], outputs
  return outputs


@pytest.mark.slow
@pytest.mark.parametrize('parallel', BACKENDS)
def test_two_hosts_train_what_one_does_and_resume(noiseless, tmp_path, parallel):
  more = ['--config.model.noise=0.0', f'--config.parallel={parallel}', '--config.steps_per_dispatch=50']
  more += ['--config.eval_every=100', '--config.sample_every=300']  # together: each has its share of the work
  for steps in (100, STEPS):
    arguments = command(
      tmp_path / 'run', *more, f'--config.num_steps={steps}', '--config.checkpoint_every=100'
    )
    outputs = on_two_hosts(arguments)
  assert 'resumed  at step 100' in outputs[0]
  one, two = params_of(noiseless), params_of(tmp_path / 'run')
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one.params, two.params)
  rows = rows_of(tmp_path / 'run')
  assert [row['step'] for row in rows if row['split'] == 'train'] == [50, 100, 150, 200, 250, 300]
  assert [row['step'] for row in rows if row['split'] == 'validation'] == [100, 100, 200, 200, 300, 300]


@pytest.mark.slow
def test_two_hosts_measure_and_sample_together_and_one_writes(run_python, tmp_path):
  """The same numbers and samples as one host, once."""
  run = tmp_path / 'run'
  assert run_python(*command(run, '--config.num_steps=20', '--config.checkpoint_every=20')).returncode == 0
  of_run = ['-m', 'jaxgen.main', f'--workdir={run}', '--trust']
  measure = [*of_run, '--mode=evaluate', "--config.evaluation.metrics=('bits_per_dim',)"]
  draw = [*of_run, '--mode=sample', '--use=samples', '--num=6']
  numbers, samples = [], []
  for go in (run_python, lambda *arguments: on_two_hosts(arguments)):
    go(*measure)
    done = go(*draw)
    numbers.append([record.value for record in results.read(run / 'results.jsonl')])
    with np.load(run / 'sampled' / 'samples.npz') as arrays:
      samples.append(arrays['x'])
  assert 'samples' in done[0]
  assert 'samples' not in done[1]
  assert len(numbers[1]) == 2
  np.testing.assert_allclose(numbers[1][1], numbers[0][0], rtol=1e-5)
  np.testing.assert_array_equal(*samples)


def quick_config(**changes):
  config = get_config()
  config.update(dict(num_steps=20, log_every=5, checkpoint_every=10, eval_every=0, sample_every=0, **changes))
  return config


def test_training_reaches_the_closed_form_optimum(tmp_path):
  config = quick_config(steps_per_dispatch=20)
  config.update(dict(num_steps=400, log_every=100, checkpoint_every=0, ema_decay=0.9))
  config.optimizer.learning_rate = 0.1
  config.model.noise = 0.0
  state = train.train(config, tmp_path)
  setting = preparation.prepare(workdirs.load_config(tmp_path), tmp_path)
  pixels = setting.source.resident()['x'][:, 3, 4, 0]
  frequencies = np.bincount(pixels, minlength=17) / len(pixels)
  np.testing.assert_allclose(jax.nn.softmax(state.params['logits'][3, 4, 0]), frequencies, atol=0.06)


def test_nan_stops_the_run_names_step_and_term_and_keeps_the_last_good_checkpoint(tmp_path):
  config = quick_config(steps_per_dispatch=1)
  config.model.nan_at = 14
  with pytest.raises(
    UserError, match=r'Not finite at step 14: .*penalty.*; the last good checkpoint is that of step 10\.'
  ):
    train.train(config, tmp_path)
  assert Checkpoints(tmp_path / 'checkpoints').steps() == [10]


def test_a_streamed_set_gives_the_run_of_a_resident_one(tmp_path, monkeypatch):
  config = quick_config(steps_per_dispatch=3)
  resident = train.train(config, tmp_path / 'resident')
  monkeypatch.setattr('jaxgen.data.source.RESIDENT_BYTES', 0)
  streamed = train.train(config, tmp_path / 'streamed')
  assert_bit_identical(jax.device_get(resident), jax.device_get(streamed))


@pytest.mark.slow
@pytest.mark.parametrize('devices', [1, 4])
def test_accumulated_batches_are_the_run_of_one_batch_as_large(run_python, tmp_path, devices):
  noiseless = ['--config.model.noise=0.0', '--config.num_steps=20', '--config.eval_every=0']
  for name, size, slices in (('whole', 64, 1), ('slices', 16, 4)):
    sizes = [f'--config.batch_size={size}', f'--config.accumulate={slices}']
    done = run_python(*command(tmp_path / name, *noiseless, *sizes), devices=devices)
    assert done.returncode == 0, done.stderr
    assert '64 a step' in done.stdout
  whole, slices = params_of(tmp_path / 'whole'), params_of(tmp_path / 'slices')
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), whole.params, slices.params
  )
  for one, other in zip(rows_of(tmp_path / 'whole'), rows_of(tmp_path / 'slices'), strict=True):
    # A small difference of two terms of about 64 log 17 = 181 nats, each known to float32's 24 bits.
    assert one['nll'] == pytest.approx(other['nll'], abs=181 * 2**-21)


def test_another_configs_workdir_is_refused_with_what_differs(tmp_path):
  train.train(quick_config(), tmp_path)
  changed = quick_config()
  changed.optimizer.learning_rate = 0.5
  with pytest.raises(UserError, match=r'another config \(optimizer.learning_rate: 0.001 -> 0.5\)'):
    train.train(changed, tmp_path)


def test_more_steps_go_on_from_where_the_run_ended(tmp_path, capsys):
  train.train(quick_config(), tmp_path)
  assert capsys.readouterr().out.count('compile  the first state and the training step ... ') == 1
  config = quick_config()
  config.num_steps = 30
  assert int(train.train(config, tmp_path).step) == 30
  said = capsys.readouterr().out
  assert 'resumed  at step 20 of 30' in said
  assert 'compile  the training step ... ' in said
  assert 'the first state' not in said  # nobody needs it any more
  assert int(train.train(config, tmp_path).step) == 30
  assert 'done     already' in capsys.readouterr().out


def test_two_processes_do_not_share_a_workdir(tmp_path):
  import fcntl

  with open(tmp_path / '.lock', 'w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(UserError, match='Another process is training'):
      train.train(quick_config(), tmp_path)


def test_a_damaged_newest_checkpoint_costs_steps_but_not_the_run(tmp_path, capsys):
  train.train(quick_config(), tmp_path / 'whole')
  train.train(quick_config(), tmp_path / 'run')
  files = [path for path in (tmp_path / 'run' / 'checkpoints' / '20').rglob('*') if path.is_file()]
  max(files, key=lambda path: path.stat().st_size).write_bytes(b'')
  state = train.train(quick_config(), tmp_path / 'run')
  assert 'checkpoint of step 20 is damaged' in capsys.readouterr().out
  assert_bit_identical(jax.device_get(state), params_of(tmp_path / 'whole'))


def test_a_thread_can_train_too(tmp_path):
  """Colab and servers call `train` outside of the main thread, where signals cannot be caught."""
  states = []
  thread = threading.Thread(target=lambda: states.append(train.train(quick_config(), tmp_path)))
  thread.start()
  thread.join()
  assert int(states[0].step) == 20


def test_the_workdir_describes_itself_and_shows_pictures(tmp_path):
  config = quick_config(num_samples=9)
  config.update(dict(eval_every=10, sample_every=10))
  train.train(config, tmp_path)
  for name in (
    'config.json',
    'versions.json',
    'parameters.txt',
    'metrics.jsonl',
    'curves.png',
    'samples.gif',
  ):
    assert (tmp_path / name).stat().st_size > 0, name
  names = {path.name for path in (tmp_path / 'samples').iterdir()}
  assert names == {f'{kind}_{step:08d}.png' for kind in ('raw', 'averaged') for step in (10, 20)}
  splits = {(row['split'], row.get('weights')) for row in writers.read(tmp_path)}
  assert {('train', None), ('validation', 'raw'), ('validation', 'averaged')} <= splits
  assert json.loads((tmp_path / 'versions.json').read_text())['jax'] == jax.__version__
  assert 'logits' in (tmp_path / 'parameters.txt').read_text()


@pytest.fixture
def small_disk(tmp_path):
  path = tmp_path / 'small'
  path.mkdir()
  if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', path], capture_output=True).returncode:
    pytest.skip('a small disk cannot be mounted here')
  yield path
  subprocess.run(['umount', path], check=True)


def test_a_full_disk_is_one_sentence_and_costs_no_checkpoint(run_python, small_disk, tmp_path):
  done = run_python(*command(small_disk / 'run', '--config.keep_checkpoints=100'))
  assert done.returncode == 2, done.stderr[-6000:]
  assert 'disk is full. Make room and start the same command again' in done.stderr
  assert 'Traceback' not in done.stdout + done.stderr
  shutil.copytree(small_disk / 'run', tmp_path / 'copy')
  state = params_of(tmp_path / 'copy')
  assert int(state.step) >= 10
