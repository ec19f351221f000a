"""A run whose loss is no longer finite: what is good, what is set aside, and how it goes on."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import evaluate, experiment, train, uses
from jaxgen.errors import UserError
from jaxgen.runs import failure, writers
from jaxgen.runs.checkpoint_reader import Reader
from tests.tiny_config import get_config


def config_of(nan_at=-1, rate=1e-3, clip=0.0, **changes):
  config = get_config()
  settings = dict(num_steps=20, log_every=5, checkpoint_every=5, eval_every=0, sample_every=0)
  config.update(settings | changes)
  config.model.nan_at = nan_at
  config.optimizer.learning_rate = rate
  config.optimizer.clip_norm = clip
  return config


def steps_of(workdir):
  return Reader(workdir / 'checkpoints').steps()


def fail(config, workdir, sentence):
  with pytest.raises(failure.Diverged, match=sentence):
    train.train(config, workdir)


def refuse(config, workdir, sentence):
  with pytest.raises(UserError, match=sentence) as refused:
    train.train(config, workdir)
  assert not isinstance(refused.value, failure.Diverged)


@pytest.mark.parametrize(('nan_at', 'good'), [(14, 10), (15, 10), (16, 15)])
@pytest.mark.parametrize('steps_per_dispatch', [1, 5])
def test_a_checkpoint_is_good_if_the_loss_of_its_own_step_is_finite(
  tmp_path, nan_at, good, steps_per_dispatch
):
  """The checkpoint of step 15 holds finite parameters, whose loss, that of step 15, is nan for every example."""
  config = config_of(nan_at, keep_checkpoints=1, steps_per_dispatch=steps_per_dispatch)
  for _ in range(2):  # the same command goes on from there, and fails at the same place
    fail(
      config, tmp_path, f'Not finite at step {nan_at}: .*; the last good checkpoint is that of step {good}'
    )
    assert steps_of(tmp_path)[-1] == good
    assert (tmp_path / 'not-finite-checkpoints-15').is_dir() == (nan_at == 15)


def test_where_none_was_good_the_run_begins_again(tmp_path):
  fail(config_of(nan_at=3), tmp_path, 'there was no good checkpoint before it')
  assert steps_of(tmp_path) == []
  assert failure.read(tmp_path).step == 0


@pytest.mark.parametrize('use', [evaluate.evaluate, uses.use])
def test_what_needs_a_checkpoint_says_why_there_is_none(tmp_path, use):
  config = config_of(nan_at=3)
  fail(config, tmp_path, 'there was no good checkpoint before it')
  sentence = 'has no good checkpoint: Not finite at step 3: .*; train it again with a lower learning rate'
  with pytest.raises(UserError, match=sentence):
    use(tmp_path, config)


def test_a_run_is_told_that_it_will_end_again_only_with_the_settings_that_it_ended_with(tmp_path, capsys):
  again = 'with the same settings it would end there again'
  fail(config_of(nan_at=12), tmp_path, 'Not finite at step 12')
  for rate, same in ((1e-3, True), (1e-4, False), (1e-4, True)):
    capsys.readouterr()
    fail(config_of(nan_at=12, rate=rate), tmp_path, 'Not finite at step 12')
    out = capsys.readouterr().out
    assert 'note     Not finite at step 12' in out
    assert (again in out) == same
  failure.write(tmp_path, 'Not finite at step 12', 10)  # an older note does not say with which
  fail(config_of(nan_at=12, rate=1e-4), tmp_path, 'Not finite at step 12')
  assert again not in capsys.readouterr().out


def test_of_what_was_set_aside_the_newest_stay_and_good_checkpoints_all(tmp_path, capsys):
  config = config_of(nan_at=15, keep_checkpoints=0)
  kept = []
  for _ in range(5):
    fail(config, tmp_path, 'the last good checkpoint is that of step 10')
    kept.append({path.stat().st_ino for path in tmp_path.glob('not-finite-*')})
    assert steps_of(tmp_path) == [5, 10]
  assert [len(folders) for folders in kept] == [1, 2, 3, 3, 3]
  assert all(len(after - before) == 1 for before, after in itertools.pairwise(kept))
  assert capsys.readouterr().out.count('is removed: of these the newest 3 are kept') == 2


def test_a_lower_rate_goes_on_after_a_failure_and_only_then(tmp_path, capsys):
  """Adam's bias correction makes the first steps as large as the rate: at 1e38 the parameters overflow."""
  config = config_of(rate=1e38, log_every=1, checkpoint_every=1, keep_checkpoints=3)
  fail(
    config,
    tmp_path,
    r'Start the same command with a lower learning rate \(--config.optimizer.learning_rate\)',
  )
  good, rows = (steps_of(tmp_path) or [0])[-1], writers.read(tmp_path)
  assert failure.read(tmp_path).step == good
  state = train.train(config_of(rate=1e-2), tmp_path)
  assert int(state.step) == 20
  assert np.isfinite(state.params['logits']).all()
  assert 'Not finite at step' in capsys.readouterr().out
  (change,) = map(json.loads, (tmp_path / 'changes.jsonl').read_text().splitlines())
  assert change['step'] == good
  assert change['changes'] == ['optimizer.learning_rate: 1e+38 -> 0.01']
  assert all(row in rows for row in writers.read(tmp_path) if row['step'] <= good)
  assert [row['step'] for row in writers.read(tmp_path)][-4:] == [5, 10, 15, 20]
  refuse(config_of(rate=1e-3), tmp_path, 'another config')


def test_clipping_goes_on_too_with_an_optimizer_that_begins_anew(tmp_path, capsys):
  fail(config_of(nan_at=12), tmp_path, 'Not finite at step 12')
  before = experiment.load(tmp_path, config_of(nan_at=12)).state
  assert int(before.step) == 10
  changed = config_of(nan_at=12, clip=1.0)
  fail(changed, tmp_path, 'Not finite at step 12')  # here the cause is no gradient
  assert 'resumed  at step 10' in capsys.readouterr().out
  after = experiment.load(tmp_path, changed).state
  jax.tree.map(np.testing.assert_array_equal, after.params, before.params)


def test_each_checkpoint_is_read_with_the_optimizers_that_it_was_written_with(tmp_path):
  """Those of another optimizer may be the good ones again, after a second failure, and are asked for by their step."""
  adam = config_of(num_steps=10, keep_checkpoints=0)
  train.train(adam, tmp_path)
  failure.write(tmp_path, 'Not finite at step 10', 10)
  sgd = config_of(rate=1e38, checkpoint_every=1, keep_checkpoints=0)
  sgd.optimizer.name = 'sgd'
  fail(sgd, tmp_path, 'the last good checkpoint is that of step 10')  # it saved step 11, which was not good
  assert int(experiment.load(tmp_path, sgd).state.step) == 10
  sgd.optimizer.learning_rate = 1e-5
  train.train(sgd, tmp_path)
  for step in (5, 10, 15, 20):
    assert int(experiment.load(tmp_path, sgd, step).state.step) == step


def test_other_keys_stay_as_they_were_after_a_failure(tmp_path):
  fail(config_of(nan_at=12), tmp_path, 'Not finite at step 12')
  refuse(config_of(nan_at=12, batch_size=32), tmp_path, 'another config .batch_size: 64 -> 32')


def test_a_garbled_note_allows_nothing(tmp_path):
  (tmp_path / 'not_finite.json').write_text('{"reason"')
  assert failure.read(tmp_path) is None


def test_parameters_that_are_not_finite_are_never_saved(tmp_path, monkeypatch):
  monkeypatch.setattr(train, '_all_finite', lambda params: jnp.array(False))
  fail(config_of(), tmp_path, 'The parameters are no longer finite at step 5; there was no good checkpoint')
  assert steps_of(tmp_path) == []
