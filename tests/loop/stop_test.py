"""Real processes, asked to end at several moments: one line, the exit code that shells expect, and no work lost."""

import signal
import subprocess
import sys
import time

import pytest

from jaxgen import evaluate, train, uses
from jaxgen.runs import writers
from tests.conftest import ROOT
from tests.tiny_config import get_config

TINY = (
  '--config=tests/tiny_config.py',
  '--config.eval_every=0',
  '--config.sample_every=0',
  '--config.log_every=5',
)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def start(*arguments, program=('-m', 'jaxgen.main')):
  return subprocess.Popen(
    [sys.executable, '-u', *program, *map(str, arguments)],
    cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
  )  # fmt: skip


def seconds_of_cpu(process):
  """Work done, whatever else the machine does: user time in ticks of 10 ms."""
  with open(f'/proc/{process.pid}/stat') as file:
    return int(file.read().rpartition(')')[2].split()[11]) / 100


def assert_ends_in_one_line(process, number):
  process.send_signal(number)
  out, err = process.communicate(timeout=120)
  assert process.returncode == CODES[number], out + err
  assert 'Traceback' not in out + err
  assert err.count('\n') == 1
  assert err.startswith('jaxgen: ')


@pytest.mark.parametrize(
  ('number', 'seconds'),
  [
    (signal.SIGINT, 0.1),
    (signal.SIGTERM, 0.5),
    (signal.SIGINT, 1.0),
    (signal.SIGINT, 1.8),
    (signal.SIGTERM, 2.4),
  ],
)
def test_importing_reading_data_and_compiling_end_in_one_line(tmp_path, number, seconds):
  process = start(*TINY, f'--workdir={tmp_path}/run', '--config.num_steps=100000000')
  while process.poll() is None and seconds_of_cpu(process) < seconds:
    time.sleep(0.005)
  assert_ends_in_one_line(process, number)


@pytest.mark.parametrize('number', CODES)
def test_training_is_saved_and_says_how_to_go_on(tmp_path, number):
  process = start(
    *TINY, f'--workdir={tmp_path}/run', '--config.num_steps=100000000', '--config.checkpoint_every=0'
  )
  while not writers.read(tmp_path / 'run'):
    assert process.poll() is None
    time.sleep(0.01)
  process.send_signal(number)
  out, err = process.communicate(timeout=120)
  assert process.returncode == CODES[number], out + err
  assert 'To go on: python -m jaxgen.main --workdir=' in out
  assert err.splitlines() == [
    'jaxgen: Stopping after this step and its evaluation; once more stops at once, without saving.'
  ]
  assert len(list((tmp_path / 'run' / 'checkpoints').iterdir())) == 1


def test_a_run_that_is_asked_to_stop_at_its_end_says_that_it_is_done(tmp_path, monkeypatch, capfd):
  look = train._look

  def ask_and_look(*arguments):
    signal.raise_signal(signal.SIGTERM)
    look(*arguments)

  monkeypatch.setattr(train, '_look', ask_and_look)
  config = get_config('smoke')
  config.update(dict(num_steps=4, eval_every=0, sample_every=0, checkpoint_every=0))
  assert int(train.train(config, tmp_path).step) == 4
  captured = capfd.readouterr()
  assert captured.err.startswith('jaxgen: Stopping after this step')
  assert captured.out.splitlines()[-1] == (
    f'done     {tmp_path}; it had come to its end when it was asked to stop'
  )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  workdir = tmp_path_factory.mktemp('stop') / 'run'
  config = get_config('smoke')
  config.evaluation.metrics = ('bits_per_dim',)
  train.train(config, workdir)
  uses.use(workdir, config)
  evaluate.evaluate(workdir, config)
  return workdir


def contents(workdir):
  """Of all files that are no parts of something unfinished."""
  files = [path for path in workdir.rglob('*') if path.is_file() and '.evaluation' not in path.parts]
  return {path: path.read_bytes() for path in files if path.suffix != '.part'}


def test_an_evaluation_ends_in_one_line_and_goes_on_where_it_was(trained):
  """Twice the same command: what the first had measured is not measured again."""
  before, parts = contents(trained), parts_of(trained)
  for number in CODES:
    process = start('--mode=evaluate', f'--workdir={trained}', '--trust', *ENDLESS)
    while len(parts_of(trained)) == len(parts):
      assert process.poll() is None, process.communicate()
      time.sleep(0.01)
    assert_ends_in_one_line(process, number)
    assert contents(trained) == before
    assert parts.items() <= parts_of(trained).items()
    parts = parts_of(trained)


ENDLESS = (
  '--config.evaluation.metrics=frechet_distance',
  '--config.evaluation.features=identity',
  '--config.evaluation.num_samples=10000000',
)


def parts_of(workdir):
  """When each part of an unfinished evaluation was written."""
  return {path: path.stat().st_mtime_ns for path in workdir.glob('.evaluation/*/samples*')}


HALF_A_FILE = """
import runpy, sys, time
import numpy as np

def write_half(file, **arrays):
  with open(file, 'wb') if not hasattr(file, 'write') else file as half:
    half.write(b'PK')
  print('half', flush=True)
  time.sleep(600)

np.savez_compressed = write_half
runpy.run_module('jaxgen.main', run_name='__main__')
"""


@pytest.mark.parametrize('number', CODES)
def test_sampling_ends_in_one_line_and_leaves_the_samples_of_before(trained, number):
  """It ends while it writes: what was drawn before is still there, as a whole."""
  before = contents(trained)
  assert trained / 'sampled' / 'samples.npz' in before
  process = start('--mode=sample', f'--workdir={trained}', '--trust', program=('-c', HALF_A_FILE))
  assert process.stdout.readline() == 'half\n'
  assert_ends_in_one_line(process, number)
  assert contents(trained) == before


@pytest.mark.slow
def test_looking_at_a_run_that_saves_at_every_step_does_it_no_harm(run_python, tmp_path):
  """Another process reads in a loop; then the trainer is asked to end, and each of its checkpoints must be whole."""
  workdir = tmp_path / 'run'
  process = start(
    *TINY, f'--workdir={workdir}', '--config.num_steps=100000000', '--config.checkpoint_every=1'
  )
  look = """
import sys, time
from jaxgen import experiment
from jaxgen.runs.checkpoint_reader import Reader
from jaxgen.runs.workdir import load_config
from pathlib import Path
workdir = Path(sys.argv[1])
while not Reader(workdir / 'checkpoints').steps():
  time.sleep(0.01)
config, seen = load_config(workdir), []
for _ in range(25):
  seen.append(int(experiment.load(workdir, config).state.step))
assert seen == sorted(seen) and seen[-1] > seen[0], seen
"""
  looked = run_python('-c', look, workdir)
  alive = process.poll() is None
  process.send_signal(signal.SIGTERM)
  out, err = process.communicate(timeout=120)
  assert looked.returncode == 0, looked.stdout[-2000:] + looked.stderr[-4000:]
  assert looked.stdout == ''
  assert alive, out + err
  assert process.returncode == 143, out + err
  check = """
import sys
from jaxgen import experiment
from jaxgen.runs.workdir import load_config
from pathlib import Path
workdir = Path(sys.argv[1])
for path in (workdir / 'checkpoints').iterdir():
  assert int(experiment.load(workdir, load_config(workdir), step=path.name).state.step) == int(path.name)
"""
  done = run_python('-c', check, workdir)
  assert done.returncode == 0, done.stderr[-4000:]
  assert not list(workdir.glob('damaged-*'))
