"""Models that are built on other runs: which weights they get, what a run remembers of them, and what is refused."""

import json
import shutil
import sys

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import config_keys, data, experiment, process, train
from jaxgen import main as command_line
from jaxgen.errors import UserError
from jaxgen.runs import stages
from tests import tiny_config, tiny_student, tiny_student_config
from tests.conftest import ROOT


def config_of(get_config=tiny_config.get_config, **changes):
  config = get_config()
  config.update(dict(num_steps=4, checkpoint_every=2, eval_every=0, sample_every=0, log_every=2))
  config.update(changes)
  return config


def student_of(teacher, **changes):
  config = config_of(tiny_student_config.get_config, **changes)
  config.stages.teacher = str(teacher)
  return config


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """A teacher, and a student of it half-way."""
  home = tmp_path_factory.mktemp('stages')
  train.train(config_of(eval_every=2), home / 'teacher')
  train.train(student_of(home / 'teacher', num_steps=2), home / 'student', trust=True)
  return home


@pytest.fixture
def home(runs, tmp_path, monkeypatch):
  """The two in a folder that a test may change; stages are named relative to it."""
  shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
  monkeypatch.chdir(tmp_path)
  return tmp_path


def go_on(config, trust=True):
  return train.train(config, 'student', trust=trust)


def refused(config, sentence, folder='student', trust=True):
  with pytest.raises(UserError, match=sentence):
    train.train(config, folder, trust=trust)


def test_a_model_gets_the_averaged_weights_of_the_best_checkpoint(home):
  trained = experiment.load(home / 'student', trust=True)
  assert json.loads((home / 'teacher' / 'best.json').read_text())['step'] == trained.stages['teacher'].step
  expected = experiment.load(home / 'teacher', step='best', trust=True).weights()['averaged']
  frozen = trained.state.extra['stages']['teacher']['params']
  jax.tree.map(np.testing.assert_array_equal, jax.device_get(frozen), jax.device_get(expected.params))


def test_a_student_learns_what_its_teacher_knows(home):
  config = student_of('teacher', num_steps=60, checkpoint_every=0)
  config.optimizer.learning_rate = 0.3
  state = train.train(config, 'new', trust=True)
  teacher = state.extra['stages']['teacher']['params']['logits']
  np.testing.assert_allclose(jax.nn.softmax(state.params['logits']), jax.nn.softmax(teacher), atol=0.02)


def test_a_resumed_run_is_the_same_run_wherever_its_stage_has_moved(home):
  whole = train.train(student_of('teacher'), 'whole', trust=True)
  (home / 'teacher').rename(home / 'moved')
  refused(
    student_of('teacher'),
    f'holds no run; give --workdir={home}/student --config.stages.teacher=<folder> of',
  )
  resumed = go_on(student_of('moved'))
  jax.tree.map(np.testing.assert_array_equal, jax.device_get(whole), jax.device_get(resumed))
  assert experiment.load('student', trust=True).stages['teacher'].workdir == 'moved'


def test_a_stage_has_stages_and_where_one_of_them_moves_it_is_told(home):
  go_on(student_of('teacher', num_steps=2))
  config = student_of('student', num_steps=2)
  train.train(config, 'third', trust=True)
  (home / 'teacher').rename(home / 'moved')
  refused(config, f'give --workdir={home}/student --config.stages.teacher=<folder> of', 'third')
  go_on(student_of('moved', num_steps=2))
  train.train(student_of('student'), 'third', trust=True)


def test_a_stage_that_trains_on_changes_nothing(home):
  begun = stages.read('student', ['teacher'])['teacher']
  train.train(config_of(num_steps=8, eval_every=2, keep_checkpoints=0), 'teacher')
  assert json.loads((home / 'teacher' / 'best.json').read_text())['step'] > begun.step
  go_on(student_of('teacher'))
  now = stages.read('student', ['teacher'])['teacher']
  assert (now.step, now.sha256) == (begun.step, begun.sha256)


def test_other_weights_are_refused(home):
  train.train(config_of(eval_every=2, seed=1), 'other')
  refused(
    student_of('other'),
    r'The stage teacher of student has changed: it began with the weights \w{8} of step 4',
  )
  with pytest.raises(UserError, match='The stage teacher of student has changed'):
    experiment.load('student', student_of('other'), trust=True)


def test_weights_that_are_no_longer_there_are_asked_for(home):
  shutil.rmtree(home / 'teacher' / 'checkpoints' / '4')
  refused(
    student_of('teacher'), r'config.stages.teacher=teacher cannot be used: .*no checkpoint of step 4; it has'
  )


def test_another_config_of_the_same_weights_is_refused(home):
  path = home / 'teacher' / 'config.json'
  path.write_text(json.dumps(json.loads(path.read_text()) | {'ema_decay': 0.5}))
  refused(
    student_of('teacher'),
    r'The config of the stage teacher of student has changed \(ema_decay: 0.999 -> 0.5\)',
  )


def test_a_run_that_has_forgotten_its_stages_says_so(home):
  (home / 'student' / 'stages.json').write_text('{"teacher": 3}')
  refused(
    student_of('teacher'), 'stages.json, which says on which weights the run was built, is missing or damaged'
  )


def test_stages_that_fit_no_model_are_one_sentence(home, monkeypatch):
  unknown, none = student_of('teacher'), student_of('')
  unknown.stages.techer = unknown.stages.teacher
  refused(unknown, 'config.stages.techer is no key of tests.tiny_student; did you mean "teacher"')
  refused(
    none, 'config.stages.teacher="" names no run; tests.tiny_student needs the run whose pixels are learned'
  )
  alone = config_of()
  alone.stages = ConfigDict({'teacher': 'teacher'})
  refused(alone, 'stages.teacher is set, and tests.tiny_model is built on no other run', 'new')
  needs = {'teacher': config_keys.StageKey('the run that makes images of codes', needs=('encode', 'decode'))}
  monkeypatch.setattr(tiny_student, 'STAGES', needs)
  refused(
    student_of('teacher'),
    'run of tests.tiny_model, which cannot encode nor decode; the stage teacher is the r',
  )


def test_a_run_is_no_stage_of_itself(home):
  refused(student_of('student'), 'config.stages.teacher=student is built on this run itself')
  shutil.copy(home / 'student' / 'stages.json', home / 'teacher')  # a circle of two
  for one, other in (('teacher', 'student'), ('student', 'teacher')):
    config = json.loads((home / 'student' / 'config.json').read_text())
    (home / one / 'config.json').write_text(json.dumps(config | {'stages': {'teacher': other}}))
  refused(student_of('teacher'), 'stages.teacher=teacher is built on this run itself', 'new')


def test_what_the_folder_of_a_stage_names_is_not_run_as_a_program(home):
  refused(
    student_of('teacher'), 'names the module "tests.tiny_model", which is none of jaxgen.models', trust=False
  )
  with pytest.raises(UserError, match='none of jaxgen.models'):
    experiment.build_model(data.resolve(student_of('teacher')))


def test_codes_of_another_run_are_refused(home):
  teacher = experiment.load('teacher', step='best', trust=True)
  x = data.load(teacher.config.data, 'test').examples(np.arange(80))['x']

  def on_codes(**weights_sha256):
    np.savez('codes.npz', x=x, levels=17, **weights_sha256)
    config = student_of('teacher', batch_size=8)
    config.data.name = 'npz:codes.npz'
    return config

  refused(
    on_codes(weights_sha256='abcdef0123'),
    'codes.npz holds codes of the weights abcdef01, and teacher is .* step 4',
    'new',
  )
  train.train(on_codes(weights_sha256=experiment.checksum(teacher)), 'new', trust=True)
  assert experiment.load('new', trust=True).config.data.weights_sha256 == experiment.checksum(teacher)
  refused(on_codes(weights_sha256=3), 'holds a run of another config', 'new')
  train.train(on_codes(), 'other', trust=True)  # it does not say


@pytest.mark.parametrize('mode', ['train', 'evaluate', 'sample', 'plan'])
def test_every_mode_finds_the_stages_once_it_is_trusted(home, monkeypatch, capsys, mode):
  def jaxgen(*arguments):
    config = f'--config={ROOT}/tests/tiny_student_config.py:smoke'
    monkeypatch.setattr(sys, 'argv', ['jaxgen', config, f'--mode={mode}', *arguments])
    return command_line.main()

  monkeypatch.setattr(process, 'set_up', lambda: None)  # it changes the whole process
  monkeypatch.setattr('jaxgen.plan._TIMED_SECONDS', 0.1)
  stage, folder = '--config.stages.teacher=teacher', f'--workdir={home}/{mode}'
  if mode in ('evaluate', 'sample'):
    config = tiny_student_config.get_config('smoke')
    config.stages.teacher = 'teacher'
    train.train(config, home / mode, trust=True)
  assert jaxgen(stage, folder) == 2
  error = capsys.readouterr().err
  assert error.startswith('jaxgen: config.stages.teacher=teacher cannot be used: ') and error.count('\n') == 1
  assert '--trust' in error
  assert jaxgen(stage, folder, '--trust') == 0
