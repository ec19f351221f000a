"""A plan speaks at once, ends soon, and needs neither the examples of a data set nor, for a usual one, the set."""

import os

import pytest

from jaxgen import config as configs
from jaxgen import data, parallel, plan
from jaxgen.errors import UserError
from tests import tiny_config


@pytest.fixture
def config():
  return tiny_config.get_config('smoke')


@pytest.fixture(autouse=True)
def little_time(monkeypatch):
  monkeypatch.setattr(plan, '_TIMED_SECONDS', 0.1)
  monkeypatch.setattr(plan, '_PRODUCT', 64)


def nothing(*args, **kwargs):
  raise AssertionError('this was not to be called')


def test_it_says_what_it_does_before_it_compiles(config, monkeypatch, capsys):
  monkeypatch.setattr(parallel.Dispatcher, 'compile', nothing)
  with pytest.raises(AssertionError):
    plan.plan(config)
  said = capsys.readouterr().out
  assert all(
    words in said for words in ('tiny_model: loss = ', '1,482 examples', '1 x cpu', '1,088', 'compiling')
  )


def test_no_example_is_read(config, monkeypatch):
  monkeypatch.setattr(data.Source, 'examples', nothing)
  monkeypatch.setattr(data.Source, 'resident', nothing)
  bill = plan.plan(config)
  assert bill['steps_per_second'] > 0
  assert bill['hours'] == pytest.approx(config.num_steps / bill['steps_per_second'] / 3600)
  assert not bill['is_estimate']


def test_a_step_that_would_take_too_long_is_estimated_and_not_taken(config, monkeypatch, capsys):
  monkeypatch.setattr(plan, '_flops_per_second', lambda: 1.0)
  monkeypatch.setattr(plan, '_time', nothing)
  bill = plan.plan(config)
  assert bill['is_estimate']
  assert bill['steps_per_second'] == pytest.approx(1 / bill['flops'])
  said = capsys.readouterr().out
  assert 'no step was taken' in said
  assert 'an estimate' in said


def test_long_dispatches_are_cut_to_what_can_be_timed(config, monkeypatch):
  sizes = []
  compile_ = parallel.Dispatcher.compile

  def spy(self, state, batches, resident):
    sizes.append(len(batches))
    return compile_(self, state, batches, resident)

  monkeypatch.setattr(parallel.Dispatcher, 'compile', spy)
  config.update(dict(steps_per_dispatch=50, num_steps=100))
  flops = plan.plan(config)['flops']
  monkeypatch.setattr(plan, '_flops_per_second', lambda: flops / plan._TIMED_SECONDS * 2.5)
  plan.plan(config)
  assert sizes == [50, 2]


def test_what_each_setting_saves_is_compiled_and_said(config, capsys):
  config.batch_size = 64
  bill = plan.plan(config, savings=True)
  said = capsys.readouterr().out
  for setting in ('as it is', 'remat=True', 'dtype=bfloat16', 'batch_size=16 accumulate=4'):
    assert setting in said and bill[setting] > 0
  assert bill['batch_size=16 accumulate=4'] < bill['as it is']
  assert 0 < bill['state_bytes'] < bill['peak_bytes']


@pytest.mark.parametrize(
  ('name', 'image_size', 'words'),
  [('mnist', 0, '59,400 examples of 28x28x1'), ('celeb_a', 16, '162,770 examples of 16x16x3')],
)
def test_a_usual_set_need_not_be_there(config, monkeypatch, tmp_path, capsys, name, image_size, words):
  monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
  config.data.update(dict(name=f'tfds:{name}', image_size=image_size))
  assert plan.plan(config)['parameters'] > 0
  assert f'{words}; assumed, since the set is not on this machine' in capsys.readouterr().out


def test_any_other_set_has_to_be_there(config):
  config.data.name = 'folder:/nowhere'
  with pytest.raises(UserError, match='/nowhere'):
    plan.plan(config)


@pytest.mark.parametrize(
  ('name', 'validation', 'draws'),
  [('mnist', 0.0, 0), ('mnist', 0.1, 1), ('mnist', 0.1, 3), ('cifar10', 0.0, 0), ('cifar10', 0.1, 0)],
)
def test_what_is_assumed_of_a_set_is_true(name, validation, draws):
  if not os.environ.get('TFDS_DATA_DIR'):
    pytest.skip('needs TFDS_DATA_DIR')
  config = configs.defaults().data
  config.update(
    dict(name=f'tfds:{name}', validation=validation, binarized=draws > 0, binarized_draws=max(1, draws))
  )
  assumed, real = data.usual.training_set(config), data.training_set(config)
  assert (assumed.spec, len(assumed)) == (real.spec, len(real))
  with pytest.raises(UserError, match='not on this machine'):
    assumed.examples([0])
