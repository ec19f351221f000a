import numpy as np
import pytest

from experiments.tables.__main__ import METHODS, SETS, SPLITS, config_of, table
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
  assert len(lines) == 2 + 4
  error = np.std([0.5, 0.7], ddof=1) / np.sqrt(2)
  assert f'| wine | train | RMSE of numbers | 0.600 ± {error:.3f} |' in lines[2]
  assert '| wine | test | wrong categories | 0.300 ±' in lines[5]
