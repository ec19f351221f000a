import json
import shutil

import numpy as np
import pytest

from jaxgen import experiment, train, uses
from jaxgen.errors import UserError
from jaxgen.loop import watch
from jaxgen.runs import best, writers
from jaxgen.runs.checkpoint import Checkpoints
from jaxgen.runs.workdir import load_config
from tests.tiny_config import get_config

GARBLED = '{"step": "3", "value": null, "metric": "a", "split": "b", "weights": "c"}'


def config_of(**changes):
  """Steps that grow, so that the run soon leaves its optimum behind."""
  config = get_config()
  config.update(dict(num_steps=60, eval_every=5, sample_every=0, checkpoint_every=20, keep_checkpoints=1))
  config.optimizer.update(dict(learning_rate=50.0, warmup_steps=60))
  config.ema_decay = 0.5
  config.update(changes)
  return config


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  path = tmp_path_factory.mktemp('best') / 'run'
  train.train(config_of(), path)
  return path


def lowest(workdir):
  rows = [row for row in writers.read(workdir) if row['split'] == 'validation']
  return min((row for row in rows if row['weights'] == 'averaged'), key=lambda row: row['bits_per_dim'])


def test_the_best_checkpoint_by_validation_is_kept_beside_the_newest(workdir):
  found, row = best.read(workdir), lowest(workdir)
  assert found.step == row['step'] < 60
  assert found.value == pytest.approx(row['bits_per_dim'], rel=1e-6)
  assert (found.metric, found.split, found.weights) == ('bits_per_dim', 'validation', 'averaged')
  assert Checkpoints(workdir / 'checkpoints').steps() == [row['step'], 40, 60]  # 40: the last good one


def test_a_step_is_chosen_by_name_or_number(workdir):
  row = lowest(workdir)
  steps = [
    int(experiment.load(workdir, load_config(workdir), step=step).state.step)
    for step in ('best', 'newest', 60, str(row['step']))
  ]
  assert steps == [row['step'], 60, 60, row['step']]
  options = uses.Options(use=('samples',), num=3, step='best')
  with np.load(uses.use(workdir, load_config(workdir), options)['samples.npz']) as arrays:
    assert arrays['step'] == row['step']


@pytest.mark.parametrize(
  ('step', 'sentence'),
  [
    ('7', 'no checkpoint of step 7'),
    ('last', '--step=last is no step; give best, newest'),
    ('-1', 'is no step'),
  ],
)
def test_steps_that_there_are_not(workdir, step, sentence):
  with pytest.raises(UserError, match=sentence):
    experiment.load(workdir, load_config(workdir), step=step)


def test_a_run_that_goes_on_keeps_its_best(workdir):
  row = lowest(workdir)
  train.train(config_of(num_steps=80), workdir)
  assert best.read(workdir).step == row['step']
  assert Checkpoints(workdir / 'checkpoints').steps() == [row['step'], 60, 80]


def test_without_a_validation_split_nothing_is_best(tmp_path, capsys):
  config = config_of(num_steps=5)
  config.data.validation = 0.0
  train.train(config, tmp_path)
  assert 'test averaged' in capsys.readouterr().out  # says on what it was evaluated
  assert not (tmp_path / 'best.json').exists()
  with pytest.raises(UserError, match='not evaluated on a validation split while it trained'):
    experiment.load(tmp_path, load_config(tmp_path), step='best')


def test_a_game_has_no_best(tmp_path):
  with pytest.raises(UserError, match='no term that tells a better checkpoint'):
    best.chosen_step(tmp_path, 'best', '')


class Killed(BaseException):
  pass


@pytest.mark.parametrize(('place', 'at'), [('evaluate', 5), ('evaluate', 60), ('write', 5)])
def test_a_kill_during_an_evaluation_costs_no_row_and_not_the_best(workdir, tmp_path, monkeypatch, place, at):
  """Also at the end, where nothing is left to train, and between the row and the file."""
  look, write = watch.Watch.look, best.write

  def killed(self, state, dispatch, end):
    if place == 'evaluate' and dispatch.last == at:
      raise Killed
    return look(self, state, dispatch, end)

  def unwritten(folder, found):
    if place == 'write' and found and found.step == at:
      raise Killed
    write(folder, found)

  config = config_of(checkpoint_every=5)
  with monkeypatch.context() as patch, pytest.raises(Killed):
    patch.setattr(watch.Watch, 'look', killed)
    patch.setattr(best, 'write', unwritten)
    train.train(config, tmp_path)
  for _ in range(2):
    train.train(config, tmp_path)
  assert best.read(tmp_path) == best.read(workdir)
  assert best.read(tmp_path).step in Checkpoints(tmp_path / 'checkpoints').steps()
  rows, straight = (
    {(row['step'], row['split']) for row in writers.read(path) if row['step'] <= 60}
    for path in (tmp_path, workdir)
  )
  assert rows == straight


def test_where_the_best_was_not_good_the_one_before_is_the_best(tmp_path):
  """The loss of step 20, whose validation is the lowest so far, is nan."""
  config = config_of(checkpoint_every=1, steps_per_dispatch=1)
  config.optimizer.learning_rate = 1e-3
  config.model.nan_at = 20
  with pytest.raises(UserError, match='Not finite at step 20'):
    train.train(config, tmp_path)
  assert best.read(tmp_path).step == 15
  assert int(experiment.load(tmp_path, config, 'best').state.step) == 15


def test_a_best_step_that_gives_way_to_a_better_one_is_chosen_again(workdir, monkeypatch):
  known = best.read(workdir)
  stale = iter([known._replace(step=3)])
  monkeypatch.setattr(best, 'read', lambda folder: next(stale, known))
  assert int(experiment.load(workdir, load_config(workdir), 'best').state.step) == known.step


def test_rows_that_are_none_tell_no_best(workdir, tmp_path):
  shutil.copytree(workdir, tmp_path / 'copy')
  rows = '{"step": 60, "split": "validation", "bits_per_dim": 1.0}\n{"step": 60, "split": ["validation"]}\n'
  with open(tmp_path / 'copy' / 'metrics.jsonl', 'a') as file:
    file.write(rows)
  train.train(config_of(), tmp_path / 'copy')
  assert best.read(tmp_path / 'copy') == best.read(workdir)


@pytest.mark.parametrize('text', ['', '[]', '{"train": 3}', '{"train": {}}'])
def test_a_damaged_file_on_the_data_is_said(workdir, tmp_path, text):
  shutil.copytree(workdir, tmp_path / 'copy')
  (tmp_path / 'copy' / 'data.json').write_text(text)
  with pytest.raises(UserError, match='data.json is damaged; put back a copy'):
    train.train(config_of(), tmp_path / 'copy')


def test_a_damaged_file_is_written_anew_by_the_run(workdir, tmp_path):
  shutil.copytree(workdir, tmp_path / 'copy')
  (tmp_path / 'copy' / 'best.json').write_text('{"step":')
  train.train(config_of(), tmp_path / 'copy')
  assert best.read(tmp_path / 'copy') == best.read(workdir)


@pytest.mark.parametrize('text', ['', '{"step": 3}', '[]', 'nonsense', GARBLED])
def test_a_damaged_file_is_said(tmp_path, text):
  (tmp_path / 'best.json').write_text(text)
  with pytest.raises(UserError, match='best.json cannot be read; remove it'):
    best.read(tmp_path)


def test_only_a_lower_finite_value_is_better():
  at = best.Best(10, 1.5, 'loss', 'validation', 'raw')
  assert at.beats(None)
  assert at._replace(value=1.4).beats(at)
  assert not at.beats(at)
  assert not at._replace(value=float('nan')).beats(None)
  assert json.loads(json.dumps(at._asdict()))['step'] == 10
