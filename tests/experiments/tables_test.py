import json

import numpy as np
import pytest

from experiments.tables import __main__ as experiment
from experiments.tables.__main__ import METHODS, SETS, SPLITS, config_of, merged, table
from jaxgen import config as configs
from jaxgen.models.vae import tabular_vae


@pytest.mark.parametrize('name', SETS)
def test_every_set_has_settings_that_a_config_may_have(name):
  found = config_of(name, 3)
  configs.check(found)
  configs.check_model(found, tabular_vae.KEYS)
  assert (found.data.name, found.data.missing_seed, found.seed) == (f'table:{name}', 3, 3)
  assert found.data.missing == 0.5


def test_a_row_is_the_mean_over_seeds_with_its_standard_error():
  def errors(value):
    return {
      split: {method: {'rmse': value, 'error_rate': value / 2} for method in METHODS} for split in SPLITS
    }

  lines = table({'wine': {'1': errors(0.5), '2': errors(0.7)}}).splitlines()
  assert len(lines) == 2 + 4 + 2
  assert '(wine 2). The rows of each split are the same for all seeds' in lines[-1]
  error = np.std([0.5, 0.7], ddof=1) / np.sqrt(2)
  assert f'| wine | train | RMSE of numbers | 0.600 ± {error:.3f} |' in lines[2]
  assert '| wine | test | wrong categories | 0.300 ±' in lines[5]


def test_what_is_measured_for_one_seed_leaves_the_others():
  before = {'wine': {'2': 'old', '10': 'old'}, 'breast_cancer': {'1': 'old'}}
  found = merged(before, {'wine': {'2': 'new', '1': 'new'}})
  assert found == {'wine': {'1': 'new', '2': 'new', '10': 'old'}, 'breast_cancer': {'1': 'old'}}
  assert list(found['wine']) == ['1', '2', '10']
  assert merged({}, {'breast_cancer': {'1': 'new'}}) == {'breast_cancer': {'1': 'new'}}


def test_a_run_of_one_set_and_seed_keeps_the_other_results(tmp_path, monkeypatch):
  errors = {split: {method: {'rmse': 0.5, 'error_rate': 0.1} for method in METHODS} for split in SPLITS}
  (tmp_path / 'results.json').write_text(json.dumps({'breast_cancer': {'1': errors}}))
  monkeypatch.setattr(experiment, 'HERE', tmp_path)
  monkeypatch.setattr(experiment, 'measured', lambda name, seed, runs: errors)
  monkeypatch.setattr('sys.argv', ['tables', '--sets=wine', '--seeds=1'])
  experiment.main()
  found = json.loads((tmp_path / 'results.json').read_text())
  assert found == {'wine': {'1': errors}, 'breast_cancer': {'1': errors}}
  assert '| breast_cancer | test |' in (tmp_path / 'results.md').read_text()
