"""The command line as a newcomer meets it: every mode, and one sentence for each mistake."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from jaxgen import main as command_line
from jaxgen import process


@pytest.fixture(autouse=True)
def no_set_up(monkeypatch):
  """The set-up changes the whole process, and has tests of its own."""
  monkeypatch.setattr(process, 'set_up', lambda: None)


@pytest.fixture
def jaxgen(capsys, monkeypatch):
  def call(*arguments):
    monkeypatch.setattr(sys, 'argv', ['jaxgen', *map(str, arguments)])
    code = command_line.main()
    captured = capsys.readouterr()
    return code, captured.out, captured.err

  return call


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  path = tmp_path_factory.mktemp('main') / 'run'
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(process, 'set_up', lambda: None)
    patch.setattr(sys, 'argv', ['jaxgen', '--config=tests/tiny_config.py:smoke', f'--workdir={path}'])
    assert command_line.main() == 0
  return path


def test_train_says_what_runs_where(jaxgen, workdir, tmp_path):
  code, out, _ = jaxgen('--config=tests/tiny_config.py:smoke', f'--workdir={tmp_path}')
  assert code == 0
  for words in (
    '1,088 parameters',
    'digits',
    'examples of 8x8x1',
    '1 x cpu',
    str(tmp_path),
    'compile  the first state and the training step ... ',
    'programs found in the cache)',
  ):
    assert words in out


def test_the_workdir_is_named_after_the_config(jaxgen, tmp_path, monkeypatch):
  from tests.conftest import ROOT

  shutil.copy(ROOT / 'tests' / 'tiny_config.py', tmp_path / 'my_experiment.py')
  monkeypatch.chdir(tmp_path)
  assert jaxgen('--config=my_experiment.py:smoke')[0] == 0
  assert (tmp_path / 'runs' / 'my_experiment' / 'config.json').exists()


def test_a_workdir_is_enough_to_evaluate_sample_and_go_on(jaxgen, workdir):
  code, out, _ = jaxgen('--mode=evaluate', f'--workdir={workdir}', '--trust')
  assert code == 0
  assert 'averaged' in out
  assert 'bits_per_dim' in out
  assert 'classifier (digits, accuracy' in out
  assert len((workdir / 'results.jsonl').read_text().splitlines()) > 5
  code, out, _ = jaxgen('--mode=sample', f'--workdir={workdir}', '--trust', '--num=5', '--step=best')
  assert code == 0
  assert (workdir / 'sampled' / 'samples.png').exists()
  code, out, _ = jaxgen(f'--workdir={workdir}', '--trust')
  assert (code, 'already' in out) == (0, True)


@pytest.mark.parametrize('mode', ['train', 'evaluate', 'sample', 'plan'])
def test_what_a_runs_folder_names_is_not_run_as_a_program(jaxgen, workdir, tmp_path, monkeypatch, mode):
  shutil.copytree(workdir, tmp_path / 'copied')
  config = json.loads((workdir / 'config.json').read_text())
  (tmp_path / 'copied' / 'config.json').write_text(json.dumps(config | {'module': 'evil'}))
  (tmp_path / 'evil.py').write_text(f"open('{tmp_path}/was_here', 'w')\n")
  monkeypatch.syspath_prepend(tmp_path)
  code, out, err = jaxgen(f'--mode={mode}', f'--workdir={tmp_path}/copied')
  assert code == 2
  assert 'names the module "evil", which is none of jaxgen.models' in err
  assert '--trust' in err
  assert not (tmp_path / 'was_here').exists()


def test_what_is_asked_for_is_done(jaxgen, workdir):
  asked = '--use=samples,export', '--num=7', '--seed=3', '--weights=raw', '--form=folder', '--step=2'
  code, out, _ = jaxgen('--mode=sample', f'--workdir={workdir}', '--trust', *asked)
  assert code == 0
  assert len(out.splitlines()) == 3  # two files and a folder: nothing that was asked for is said again
  record = json.loads((workdir / 'sampled' / 'export.json').read_text())
  assert (record['num'], record['seed'], record['weights'], record['step']) == (7, 3, 'raw', 2)
  assert len(list((workdir / 'sampled' / 'export').glob('*.png'))) == 7


def test_plan_bills_one_step_and_writes_nothing(jaxgen, tmp_path, monkeypatch):
  monkeypatch.setattr('jaxgen.plan._TIMED_SECONDS', 0.1)
  code, out, _ = jaxgen('--mode=plan', '--config=tests/tiny_config.py:smoke', f'--workdir={tmp_path}/none')
  assert code == 0
  for words in ('parameters    1,088', 'peak memory', 'GFLOP', 'steps/s', 'to the end'):
    assert words in out
  assert not (tmp_path / 'none').exists()


def test_help_shows_the_commands(jaxgen):
  code, out, _ = jaxgen('--help')
  assert code == 0
  assert '--mode=sample' in out and '--config.model.likelihood.' in out


CONFIG = '--config=tests/tiny_config.py:smoke'
MISTAKES = {
  'no config': (['--mode=sample'], 'Give --config=configs/<name>.py, or the --workdir of a run'),
  'broken config': (
    ['--config=tests/broken_config.py'],
    'broken_config.py fails in line 2: ZeroDivisionError',
  ),
  'misspelt key': (
    [CONFIG, '--config.optimizer.learning_rat=1'],
    'no key "learning_rat"; did you mean "learning_rate"?',
  ),
  'misspelt section': ([CONFIG, '--config.optimiser.name=sgd'], 'did you mean "optimizer"?'),
  'wrong type': (
    [CONFIG, '--config.batch_size=many'],
    '--config.batch_size=many cannot be used; it must be a whole number.',
  ),
  'wrong mode': ([CONFIG, '--mode=trian'], 'should be one of <train|evaluate|sample|plan>'),
  'unknown flag': ([CONFIG, '--wokdir=x'], 'Did you mean: workdir'),
  'stray word': ([CONFIG, 'train'], '"train" is not an option'),
  'unknown preset': (['--config=tests/tiny_config.py:fast'], 'no preset "fast"; the presets are: smoke'),
  'missing config': (
    ['--config=configs/glow_digit.py'],
    'There is no config file configs/glow_digit.py; did you mean glow_digits?',
  ),
  'unknown data set': ([CONFIG, '--config.data.name=digit'], 'did you mean "digits"?'),
  'missing folder': ([CONFIG, '--config.data.name=folder:/nowhere/at/all'], '/nowhere/at/all'),
  'unknown optimizer': (
    [CONFIG, '--config.optimizer.name=adan'],
    'config.optimizer.name="adan" cannot be used; it must be one of: adam',
  ),
  'unknown module': ([CONFIG, '--config.module=jaxgen.models.glwo'], 'did you mean jaxgen.models.flow.glow?'),
  'empty workdir': (['--workdir=', CONFIG], '--workdir is given without a value'),
  'empty attribute': (
    ['--mode=sample', '--workdir=runs/x', CONFIG, '--attribute='],
    '--attribute is given without a value',
  ),
  'negative steps': ([CONFIG, '--config.num_steps=-1'], 'num_steps=-1'),
  'negative keep': ([CONFIG, '--config.keep_checkpoints=-1'], 'keep_checkpoints=-1'),
  'bad backend': ([CONFIG, '--config.parallel=yes'], 'it must be one of: pmap, shard_map'),
  'workdir that is no text': (['--workdir=/tmp/\udcff', CONFIG], 'is no UTF-8'),
  'step of training': (
    [CONFIG, '--step=best'],
    '--step is of --mode=evaluate and --mode=sample, and this is --mode=t',
  ),
  'split to train on': (
    ['--mode=evaluate', CONFIG, '--split=train'],
    '--split=train is not held out of training',
  ),
  'number of an evaluation': ([CONFIG, '--mode=evaluate', '--num=3'], '--num is of --mode=sample'),
  'no run': (['--mode=sample', '--workdir=/nowhere/run'], '/nowhere/run holds no run; train one there first'),
}


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_gets_one_sentence_and_exit_code_2(jaxgen, tmp_path, mistake):
  arguments, sentence = MISTAKES[mistake]
  if arguments[0].startswith('--config='):
    arguments = [f'--workdir={tmp_path}/run', *arguments]
  code, out, err = jaxgen(*arguments)
  assert code == 2
  assert sentence in err
  assert err.startswith('jaxgen: ')
  assert err.count('\n') == 1
  assert 'Traceback' not in out + err
  assert not (tmp_path / 'run').exists()


def test_words_of_a_file_do_not_speak_to_the_terminal(jaxgen, tmp_path):
  (tmp_path / 'mine.csv').write_text('\n'.join(['number,word', *('1,red', '2,blue') * 20, 'x\x1b[2J,red']))
  code, _, err = jaxgen(CONFIG, f'--workdir={tmp_path}/run', f'--config.data.name=table:{tmp_path}/mine.csv')
  assert code == 2
  assert err.count('\n') == 1 and err.rstrip('\n').isprintable()
  assert 'has numbers, but "x\N{MIDDLE DOT}[2J"' in err


# What stands in the way of a run, in the place of something else; and the sentence, beside the name of it.
SAMPLE, ON = ('--mode=sample',), ('--config.num_steps=30',)
EVALUATE = '--mode=evaluate', '--config.evaluation.metrics=bits_per_dim'
OBSTACLES = {
  'config.json': ('folder', ON, 'cannot be read: Is a directory'),
  'versions.json': (
    'folder',
    ON,
    'cannot be used: Is a directory; put that right and start the same command',
  ),
  'metrics.jsonl': ('folder', ON, 'cannot be used: Is a directory; put that right'),
  'curves.png': ('folder', ON, 'cannot be used: Is a directory; put that right'),
  'samples': ('file', ON, 'cannot be used: File exists; put that right'),
  'checkpoints': ('file', ON, 'could not be written to'),
  'sampled': ('file', SAMPLE, 'cannot be used: File exists; put that right'),
  'sampled/samples.npz': ('folder', SAMPLE, 'cannot be used: Is a directory; put that right'),
  'results.jsonl': ('folder', EVALUATE, 'cannot be written: Is a directory'),
}


@pytest.mark.parametrize('name', OBSTACLES)
def test_what_stands_in_the_way_is_named(jaxgen, workdir, tmp_path, name):
  kind, arguments, sentence = OBSTACLES[name]
  shutil.copytree(workdir, tmp_path / 'run')
  place = tmp_path / 'run' / name
  shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
  (place / 'x' if kind == 'folder' else place).parent.mkdir(parents=True, exist_ok=True)
  (place / 'x' if kind == 'folder' else place).touch()
  code, out, err = jaxgen(f'--workdir={tmp_path}/run', '--trust', *arguments)
  assert (code, err.count('\n')) == (2, 1), err
  assert err.startswith('jaxgen: ')
  assert f'{place} ' in err or f'{place}: ' in err
  assert sentence in err
  assert 'Traceback' not in out + err


@pytest.mark.parametrize('number', [errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO])
def test_what_the_file_system_refuses_is_said_of_the_file_that_a_user_knows(
  jaxgen, workdir, tmp_path, monkeypatch, number
):
  """Tests may run as root, who is refused nothing: the system's answer is put into its mouth."""
  shutil.copytree(workdir, tmp_path / 'run')
  write_text = Path.write_text

  def refuse(path, text):
    if path.name.startswith('.versions.json'):
      raise OSError(number, os.strerror(number), str(path))
    return write_text(path, text)

  monkeypatch.setattr(Path, 'write_text', refuse)
  code, _, err = jaxgen(f'--workdir={tmp_path}/run', '--trust', '--config.num_steps=30')
  assert code == 2
  reason = f'{tmp_path}/run/versions.json cannot be used: {os.strerror(number)}'
  assert err == f'jaxgen: {reason}; put that right and start the same command again.\n'


def test_what_may_be_a_mistake_of_the_program_is_not_hidden(jaxgen, workdir, monkeypatch):
  def mistake(*arguments):
    raise OSError(errno.EBADF, os.strerror(errno.EBADF), 'somewhere')

  monkeypatch.setattr('jaxgen.uses.use', mistake)
  with pytest.raises(OSError, match='Bad file descriptor'):
    jaxgen('--mode=sample', f'--workdir={workdir}', '--trust')


def test_devices_must_divide_the_batch(run_python, tmp_path):
  done = run_python('-m', 'jaxgen.main', CONFIG, f'--workdir={tmp_path}', '--config.batch_size=10', devices=4)
  assert done.returncode == 2
  assert 'batch_size=10 cannot be divided by 4 devices; try --config.batch_size=8' in done.stderr
  assert 'Traceback' not in done.stderr
