"""Runs of flows from end to end: what an evaluation logs, densities without a sampler, and runs that are older."""

import json
import shutil

import pytest

from configs import maf_toy
from jaxgen import evaluate, experiment, train, uses
from jaxgen.errors import UserError
from jaxgen.runs import history, writers
from tests.tiny_flow import get_config


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A finished run of an invertible flow: `(config, workdir)`."""
  config, workdir = get_config('smoke'), tmp_path_factory.mktemp('flow') / 'run'
  train.train(config, workdir)
  return config, workdir


def test_every_evaluation_logs_how_nearly_the_inverse_inverts(run):
  rows = [row for row in writers.read(run[1]) if row['split'] == 'validation']
  assert rows and all(0 <= row['inversion_error'] < 1e-5 for row in rows)


def test_a_flow_that_is_a_density_alone_is_trained_and_evaluated_and_asked_for_samples_says_so(tmp_path):
  config = get_config('smoke', invertible=False)
  config.evaluation.metrics = ('bits_per_dim', 'kl_data_model')
  train.train(config, tmp_path)
  rows = writers.read(tmp_path)
  assert {row['split'] for row in rows} == {'train', 'validation'}
  assert not any('inversion_error' in row for row in rows)
  assert {record.metric for record in evaluate.evaluate(tmp_path, config)} == {
    'bits_per_dim',
    'kl_data_model',
  }
  with pytest.raises(UserError, match='nothing to draw .* --mode=evaluate, or ask for --use=codes'):
    uses.use(tmp_path, config)
  with pytest.raises(UserError, match='--use=samples needs sample; this model on its data allows: codes'):
    uses.use(tmp_path, config, uses.Options(use=('samples',)))
  again = train.train(config, tmp_path)  # nothing was missed
  assert int(again.step) == config.num_steps


def test_a_run_that_is_older_than_a_key_is_read_and_goes_on_with_what_it_ran_with(run, tmp_path):
  config, workdir = run
  old = tmp_path / 'old'
  shutil.copytree(workdir, old)
  values = json.loads((old / 'config.json').read_text())
  del values['model']['base'], values['model']['dequantization']
  (old / 'config.json').write_text(json.dumps(values))
  assert int(experiment.load(old, trust=True).state.step) == 4
  assert int(experiment.load(old, config).state.step) == 4
  longer = config.copy_and_resolve_references()
  longer.num_steps = 6
  assert int(train.train(longer, old).step) == 6
  assert history.load(old / 'config.json').model.base == 'standard_normal'
  longer.model.base = 'learned_normal'
  with pytest.raises(UserError, match='model.base: standard_normal -> learned_normal'):
    train.train(longer, old)


@pytest.mark.slow
def test_an_older_run_with_batch_statistics_has_no_averages_of_them(tmp_path):
  config = maf_toy.get_config('smoke')
  config.model.norm, config.model.averaged_statistics, config.num_steps = 'batch_norm', False, 2
  train.train(config, tmp_path)
  values = json.loads((tmp_path / 'config.json').read_text())
  del values['model']['averaged_statistics']
  (tmp_path / 'config.json').write_text(json.dumps(values))
  weights = experiment.load(tmp_path).weights()
  assert weights['averaged'].extra is weights['raw'].extra
