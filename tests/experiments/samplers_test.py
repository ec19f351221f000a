import pytest
from PIL import Image

from configs.ncsn_digits import get_config
from experiments.samplers.__main__ import CASES
from experiments.samplers.report import curves, frontier, sooner, table
from jaxgen import config as configs
from jaxgen import experiment
from jaxgen.families.score import WAYS
from jaxgen.models.score.ncsn import KEYS, SAMPLER
from jaxgen.settings import score_slots


def row(sampler='annealed', evaluations=96, seconds=1.0, distance=2.5):
  metrics = {'frechet_distance': distance, 'precision': 0.75, 'recall': 0.5}
  settings = {'steps_per_level': 5}
  return dict(
    sampler=sampler,
    settings=settings,
    evaluations=evaluations,
    seconds=seconds,
    metrics=metrics,
    protocol='',
    versions={'jax': '0'},
  )


@pytest.mark.parametrize('name, settings', CASES)
def test_every_case_has_settings_that_a_config_may_have(name, settings):
  config = experiment.completed(get_config())
  config.sampler.update({'name': name, name: settings})
  configs.check_model(config, KEYS, SAMPLER)
  assert score_slots.way(config, score_slots.path(config)).evaluations > 0
  assert config.sampler[name].to_dict().items() >= settings.items()


def test_every_way_has_a_row():
  assert {name for name, _ in CASES} == set(WAYS)


def test_a_row_says_what_a_way_costs():
  assert '| `annealed` | steps_per_level=5 | 96 | 1.000 | 2.50 | 0.75 | 0.50 |' in table(
    [row()], 'ncsn_digits'
  )


def test_the_cheapest_that_is_as_near_as_the_chain_is_set_beside_it():
  rows = [row(), row('heun', 19, 0.2, 1.0), row('euler', 10, 0.1, 2.5), row('ddim', 5, 0.05, 2.6)]
  assert sooner(rows).endswith('`euler` in 10 evaluations, comes to 2.50 in 0.100 seconds: 0.10 of the time.')
  assert 'No row' in sooner(rows[1:])


def test_a_line_leaves_out_what_costs_more_and_is_no_nearer(tmp_path):
  rows = [row(evaluations=cost, distance=far) for cost, far in ((10, 3.0), (20, 4.0), (40, 2.0))]
  assert [each['evaluations'] for each in frontier(rows)] == [10, 40]
  curves(rows, tmp_path / 'curves.png')
  assert Image.open(tmp_path / 'curves.png').size[0] > 1000
