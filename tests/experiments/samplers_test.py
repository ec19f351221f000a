import pytest

from configs.ncsn_digits import get_config
from experiments.samplers.__main__ import CASES, table
from jaxgen import config as configs
from jaxgen import experiment
from jaxgen.models.score.ncsn import KEYS, SAMPLER


@pytest.mark.parametrize('name, settings', CASES)
def test_every_case_has_settings_that_a_config_may_have(name, settings):
  config = experiment.completed(get_config())
  config.sampler.update({'name': name, name: settings})
  configs.check_model(config, KEYS, SAMPLER)
  assert config.sampler[name].to_dict().items() >= settings.items()


def test_a_row_says_what_a_way_costs():
  metrics = {'frechet_distance': 2.5, 'precision': 0.75, 'recall': 0.5}
  row = dict(
    sampler='annealed', settings={'steps_per_level': 5}, evaluations=96, metrics=metrics, protocol=''
  )
  assert '| `annealed` | steps_per_level=5 | 96 | 2.50 | 0.75 | 0.50 |' in table([row])
