"""A run that begins with the weights of another one: what fits is taken, said and remembered, and read once."""

import json
import shutil

import jax
import numpy as np
import pytest

from jaxgen import experiment, train, updates
from jaxgen.errors import UserError
from tests.conftest import ROOT
from tests.tiny_config import get_config


def config_of(**changes):
  config = get_config()
  config.update(dict(num_steps=4, checkpoint_every=2, eval_every=0, sample_every=0, log_every=2))
  config.update(changes)
  return config


@pytest.fixture(scope='module')
def other(tmp_path_factory):
  path = tmp_path_factory.mktemp('init') / 'other'
  train.train(config_of(), path)
  return path


def begun_from(path, **changes):
  """The config of a run whose weights stay what they are."""
  config = config_of(init_from=str(path), seed=1, **changes)
  config.optimizer.learning_rate = 0.0
  return config


def equal(one, other):
  jax.tree.map(np.testing.assert_array_equal, jax.device_get(one), jax.device_get(other))


def test_a_run_begins_with_the_weights_of_another(other, tmp_path, capsys):
  state = train.train(begun_from(other), tmp_path, trust=True)
  weights = experiment.load(other, trust=True).weights()['averaged']
  equal(state.params, weights.params)
  equal(updates.averaged_params(state), weights.params)
  assert int(state.extra['count']) == int(weights.extra['count']) + 4
  assert f'init     2 of 2 arrays are of step 4 of {other}, averaged' in capsys.readouterr().out
  assert json.loads((tmp_path / 'init_from.json').read_text()) == {
    'workdir': str(other),
    'step': 4,
    'weights': 'averaged',
    'fit': ['extra/count', 'params/logits'],
    'new': [],
    'unused': [],
  }


def test_a_run_that_goes_on_does_not_read_it_again(other, tmp_path):
  shutil.copytree(other, tmp_path / 'gone')
  whole = train.train(begun_from(tmp_path / 'gone'), tmp_path / 'whole', trust=True)
  train.train(begun_from(tmp_path / 'gone', num_steps=2), tmp_path / 'half', trust=True)
  shutil.rmtree(tmp_path / 'gone')
  equal(whole, train.train(begun_from(tmp_path / 'gone'), tmp_path / 'half'))


def test_arrays_of_another_shape_begin_anew(other, tmp_path, capsys, monkeypatch):
  from tests import tiny_model

  def with_bias(config):
    model = build(config)

    def init(rng, batch):
      params, extra = model.init(rng, batch)
      return {**params, 'bias': jax.numpy.ones(3)}, extra

    return model._replace(init=init)

  build = tiny_model.build
  trained = experiment.load(other, trust=True)
  params = {**trained.state.params, 'bias': np.zeros((2, 3)), 'gone': np.zeros(5)}
  trained = trained._replace(state=trained.state._replace(params=params, opt=()))
  monkeypatch.setattr(experiment, 'load', lambda *args, **kwargs: trained)
  monkeypatch.setattr(tiny_model, 'build', with_bias)
  state = train.train(begun_from(other), tmp_path, trust=True)
  equal(state.params['logits'], params['logits'])
  equal(state.params['bias'], np.ones(3, np.float32))
  assert 'anew: params/bias\n         not used: params/bias, params/gone\n' in capsys.readouterr().out


def test_a_run_of_which_nothing_fits_is_one_sentence(other, tmp_path):
  config = begun_from(other)
  npz = tmp_path / 'small.npz'
  np.savez(npz, x=np.zeros((40, 4, 4, 1), np.uint8))
  config.data.name = f'npz:{npz}'
  with pytest.raises(
    UserError, match='not one array of that run, of tests.tiny_model, fits tests.tiny_model by name'
  ):
    train.train(config, tmp_path / 'run', trust=True)
  assert not (tmp_path / 'run').exists()


def test_what_cannot_be_read_is_one_sentence(other, tmp_path):
  with pytest.raises(
    UserError, match='config.init_from=.*nowhere cannot be used: .*nowhere holds no run; train one'
  ):
    train.train(begun_from(tmp_path / 'nowhere'), tmp_path / 'run', trust=True)
  with pytest.raises(UserError, match='config.init_from=.*none of jaxgen.models'):
    train.train(begun_from(other), tmp_path / 'run')


_ON_FOUR = """
import sys
import jax, numpy as np
from jaxgen import train
from tests.loop.init_from_test import begun_from

for backend in ('pmap', 'shard_map', 'fsdp'):
  state = train.train(begun_from(sys.argv[1], batch_size=8, parallel=backend), f'{sys.argv[2]}/{backend}', trust=True)
  logits = state.params['logits']
  np.testing.assert_array_equal(logits, np.load(sys.argv[3]))
  assert logits.addressable_data(0).size == logits.size // (4 if backend == 'fsdp' else 1)
"""


def test_a_run_on_several_devices_begins_with_the_weights_of_one_on_a_single_one(other, tmp_path, run_python):
  expected = experiment.load(other, trust=True).weights()['averaged']
  np.save(tmp_path / 'logits.npy', expected.params['logits'])
  home = {'PYTHONPATH': str(ROOT)}
  done = run_python('-c', _ON_FOUR, other, tmp_path, tmp_path / 'logits.npy', devices=4, env=home)
  assert done.returncode == 0, done.stderr[-3000:]
