"""What a config can name of each slot of a score model builds one, and what does not fit is refused by its key."""

import jax
import pytest
from ml_collections import ConfigDict

from configs import ncsn_digits
from configs.ncsn_toy import get_config
from jaxgen import experiment, fields
from jaxgen.errors import UserError
from jaxgen.families.score import PARAMETERIZATIONS, PATHS, WAYS, WEIGHTINGS
from jaxgen.samplers import run
from jaxgen.settings import score_slots
from jaxgen.types import Field

NAMES = {
  'model.path.name': PATHS,
  'model.parameterization': PARAMETERIZATIONS,
  'model.weighting': WEIGHTINGS,
  'sampler.name': WAYS,
  'sampler.completion.sampler': WAYS,
}


def built(changes, given=()):
  config = experiment.completed(get_config('smoke'))
  with config.unlocked():
    spec = {'x': Field('vector', (2,), 0), 'label': Field('label', (), 3)}
    config.data.fields = ConfigDict(fields.to_dict(spec))
  config.given = given
  config.update_from_flattened_dict({'model.target': 'own', **changes})
  return experiment.build_model(config)


@pytest.mark.parametrize(('key', 'name'), [(key, name) for key, table in NAMES.items() for name in table])
def test_every_name_of_a_slot_builds_a_model_by_its_defaults(key, name):
  assert built({key: name}).objective.startswith('loss = ')


@pytest.mark.parametrize('name', WAYS)
def test_the_default_of_every_way_leaves_data_about_as_wide_as_they_are(name):
  """Gaussian data with the exact score, on the levels of `ncsn_digits`; the paper's NCSNv2 looks at a point alone."""
  config = experiment.completed(ncsn_digits.get_config())
  config.sampler.name = name
  way = score_slots.way(config, score_slots.path(config))
  std = config.model.sigma_data
  sampler = way.sampler(lambda x, sigma: -x / (std**2 + sigma[:, None] ** 2))
  start = way.start * jax.random.normal(jax.random.key(0), (200, 48))
  x = jax.jit(lambda: run(sampler, jax.random.key(1), start, way.num_steps)[0].position)()
  assert float(x.std()) == pytest.approx(std, rel=0.2 if name == 'ncsnv2' else 0.1)


def test_the_objective_names_what_was_chosen():
  changes = {'model.path.name': 'rectified_flow', 'model.weighting': 'velocity', 'sampler.name': 'ddim'}
  objective = built(changes).objective
  for words in ('(velocity / noise)^2', 'straight, continuous times', '50 steps of DDIM, 50 evaluations'):
    assert words in objective


def test_guidance_is_a_knob_of_a_model_that_was_trained_for_it():
  changes = {'model.label_dropout': 0.1, 'sampler.guidance': 2.0}
  assert built(changes, ('label',)).knobs['guidance'] == 2.0
  assert 'guidance' not in built({}, ('label',)).knobs


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    (
      {'model.path.name': 'cosine', 'model.path.cosine.num_levels': 0, 'model.path.cosine.end': 1.0},
      'path.cosine',
    ),
    ({'sampler.name': 'edm', 'sampler.edm.churn': 9.0}, 'config.sampler.edm cannot be used'),
    (
      {'sampler.completion.sampler': 'langevin', 'sampler.completion.num_resamplings': 2},
      'config.sampler.completion cannot be used',
    ),
    ({'sampler.name': 'heun', 'sampler.heun.rho': 0.001}, 'config.sampler.heun cannot be used.* rho >= 1'),
    (
      {'sampler.completion.num_resamplings': 2, 'sampler.completion.jump_length': 101},
      'config.sampler.completion cannot be used: jump_length=101 .* at most 100',
    ),
    ({'sampler.name': 'ddim', 'sampler.ddim.sigma_max': 9.0}, 'config.sampler.ddim cannot .* sigma_max and'),
    ({'sampler.guidance': 2.0}, 'The score model cannot be built: a guidance of 2'),
  ],
)
def test_what_does_not_fit_names_its_key(changes, words):
  with pytest.raises(UserError, match=words):
    built(changes)
