"""One contract for every key of every config: the tables know it, and a value it may not have is refused by name."""

import importlib
import json
import math
import pkgutil

import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import config_keys, data, experiment, fields, models, optim
from jaxgen.config_keys import Key, StageKey
from jaxgen.data import loading
from jaxgen.errors import UserError
from jaxgen.metrics import catalogue
from jaxgen.metrics.features import extraction
from jaxgen.runs import history
from jaxgen.types import Field
from tests import tiny_config
from tests.contracts.configs import CONFIGS, load_module, one_per_module

MODULES = [info.name for info in pkgutil.walk_packages(models.__path__, 'jaxgen.models.') if not info.ispkg]


def flat(keys, prefix=''):
  """`{'optimizer.eps': Key, ...}`"""
  return {
    full: key
    for name, sub in keys.items()
    for full, key in ({prefix + name: sub} if isinstance(sub, Key) else flat(sub, f'{prefix}{name}.')).items()
  }


def all_keys(config):
  """Those of a config, with its module's."""
  module = importlib.import_module(config.module)
  keys = config_keys.KEYS | {'model': module.KEYS, 'sampler': getattr(module, 'SAMPLER', {})}
  return flat(keys | {name: config_keys.OPTIMIZER for name in config if name.endswith('_optimizer')})


def refused(config):
  """What is said of a config, or ''."""
  try:
    configs.check(config)
    module = importlib.import_module(config.module)
    configs.check_model(config, module.KEYS, getattr(module, 'SAMPLER', {}))
  except UserError as error:
    return str(error)
  return ''


def changed(config, name, value):
  config = config.copy_and_resolve_references()
  section, _, last = name.rpartition('.')
  with config.unlocked(), config.ignore_type():
    (config if not section else config[section])[last] = value
  return config


def bad_values(key):
  """Values that a key may not have: beyond its range on either side, no number at all, of another type."""
  kind = config_keys._entry_type(key.type)
  bad = [None, len, object(), b'3', {'a': 1}]
  if kind in (int, float):
    low, high = map(float, key.range[1:-1].split(','))
    bad += [math.nan, math.inf, -math.inf, '3']
    step = 1 if kind is int else 0.5
    bad += [kind(low - step)] if math.isfinite(low) else []
    bad += [kind(low)] if math.isfinite(low) and key.range[0] == '(' else []
    bad += [kind(high + step)] if math.isfinite(high) else []
    bad += [kind(high)] if math.isfinite(high) and key.range[-1] == ')' else []
    bad += [1.5, True] if kind is int else []
  else:
    bad += [3, -1.0]
  if key.choices:
    bad.append('no-such-choice')
  if key.type is not kind:
    bad = [(value,) for value in bad] + [3] + ([()] if key.least else [])
  return bad


@pytest.mark.parametrize('name', CONFIGS)
def test_every_key_of_every_config_is_known_and_may_have_its_value(name):
  for preset in ('', 'smoke'):
    config = experiment.completed(load_module(name).get_config(preset))
    assert refused(config) == ''
    stages = getattr(importlib.import_module(config.module), 'STAGES', {})
    known = {*all_keys(config), *(f'stages.{name}' for name in stages)}
    assert set(configs._flat(config.to_dict())) == known


@pytest.mark.parametrize('name', one_per_module())
def test_a_value_that_a_key_may_not_have_is_refused_by_name_and_range(name):
  """Of each model with one of its configs: the keys are those of the model."""
  config = experiment.completed(load_module(name).get_config('smoke'))
  for path, key in all_keys(config).items():
    for value in bad_values(key):
      sentence = refused(changed(config, path, value))
      assert f'config.{path}=' in sentence, (path, value)
      if (
        value is not len and value is not None
      ):  # what no model may hold is refused before its keys are known
        assert key.words() in sentence or 'cannot be kept in a file' in sentence or 'ConfigDict' in sentence


@pytest.mark.parametrize('module', MODULES)
def test_every_model_states_its_keys(module):
  keys = importlib.import_module(module).KEYS
  assert keys
  assert_whole(flat(keys | getattr(importlib.import_module(module), 'SAMPLER', {})))
  stages = getattr(importlib.import_module(module), 'STAGES', {})
  assert all(isinstance(stage, config_keys.StageKey) for stage in stages.values())


def test_the_shared_keys_are_whole():
  assert_whole(flat(config_keys.KEYS | {'fields': {'x': config_keys.FIELD}}))


def assert_whole(keys):
  """Every default may be had, and every key says in one line what it is."""
  for name, key in keys.items():
    assert key.allows(key.default) or (name == 'module' and key.default == ''), name
    assert key.meaning and '\n' not in key.meaning and len(key.meaning) <= 120, name


def test_the_optimizers_are_those_that_there_are():
  assert set(config_keys.OPTIMIZER['name'].choices) == set(optim._RULES)
  assert set(config_keys.OPTIMIZER['schedule'].choices) == set(optim._SCHEDULES)


def test_metrics_and_features_are_those_that_there_are():
  assert config_keys.EVALUATION['metrics'].choices == tuple(catalogue.METRICS)
  features_key = config_keys.EVALUATION['features']
  assert set(features_key.choices) == {'auto', *extraction._KINDS}
  assert features_key.allows('inception:/weights.npz') and not features_key.allows('random:/weights.npz')


def test_the_data_are_those_that_there_are():
  forms = {form.strip() for form in loading._FORMS.split(',')}
  assert {form.partition(':')[0] for form in forms} == set(loading._KINDS)
  for form in {form.partition('<')[0] for form in forms}:
    assert form in config_keys.DATA['name'].meaning


def test_a_misspelt_key_of_a_config_file_is_named_with_what_was_meant():
  config = load_module('vae_digits').get_config('smoke')
  for path, near in (('bacth_size', 'batch_size'), ('optimizer.learning_rat', 'learning_rate')):
    assert f'did you mean "{near}"?' in refused(changed(config, path, 3))
  assert 'config.model.latent_dims is no key of jaxgen.models.vae.vae_conv' in refused(
    changed(config, 'model.latent_dims', 3)
  )


def test_a_number_that_numpy_computed_is_a_number():
  config = load_module('vae_digits').get_config('smoke')
  config.model.likelihood_scale = np.float64(0.07)
  configs.check(config)
  configs.check_model(config, importlib.import_module(config.module).KEYS)


def test_what_is_missing_is_named():
  for name in ('data', 'seed', 'optimizer'):
    config = load_module('vae_digits').get_config('smoke')
    with config.unlocked():
      del config[name]
    assert refused(config).startswith(f'config.{name}, a key of every experiment, is missing')


def test_a_module_of_another_family_is_no_model_of_this_config():
  config = load_module('vae_digits').get_config('smoke')
  config.module = 'jaxgen.models.flow.glow'
  config = data.resolve(config)
  with pytest.raises(UserError, match=r'is no key of jaxgen.models.flow.glow; there are: depth, levels'):
    experiment.build_model(config)


def test_an_older_run_says_otherwise_what_samples_are_compared_with(tmp_path):
  older = configs.defaults().to_dict()
  older['evaluation'] = {'split': 'test', 'metrics': ['bits_per_dim']}
  (tmp_path / 'config.json').write_text(json.dumps(older))
  found = history.load(tmp_path / 'config.json').evaluation
  assert (found.against, found.metrics, found.noise_draws) == ('test', ('bits_per_dim',), 1)
  assert 'split' not in found


def test_an_older_run_says_in_its_model_what_networks_compute_in(tmp_path):
  older = configs.defaults().to_dict()
  del older['dtype']
  older['model'] = {'width': 32, 'dtype': 'bfloat16'}
  (tmp_path / 'config.json').write_text(json.dumps(older))
  found = history.load(tmp_path / 'config.json')
  assert (found.dtype, found.model.to_dict()) == ('bfloat16', {'width': 32})


def test_an_older_score_model_says_otherwise_what_its_noise_is_and_how_it_is_sampled(tmp_path):
  older = configs.defaults().to_dict()
  sampler = {
    'name': 'probability_flow',
    'probability_flow': {'rho': 7.0},
    'predictor_corrector': {'num_levels': 9},
  }
  older['model'] = {'blocks': 1, 'sigma_max': 9.0, 'sigma_min': 0.1, 'num_levels': 5, 'sampler': sampler}
  (tmp_path / 'config.json').write_text(json.dumps(older))
  found = history.load(tmp_path / 'config.json')
  levels = {'sigma_max': 9.0, 'sigma_min': 0.1, 'num_levels': 5}
  assert found.model.to_dict() == {
    'blocks': 1,
    'path': {'name': 'variance_exploding', 'variance_exploding': levels},
  }
  assert found.sampler.to_dict() == {
    'name': 'heun',
    'heun': {'rho': 7.0},
    'predictor_corrector': {'num_steps': 9},
  }


def test_a_section_need_not_say_more_than_it_uses():
  config = configs.defaults()
  keys = {'width': Key(8, int, 'w'), 'path': {'name': Key('a', str, 'n'), 'a': {'b': Key(1, int, 'b')}}}
  config.model = ConfigDict({'path': {'a': {'b': 3}, 'odd': 4}})
  found = configs.completed(
    config, keys, {'name': Key('heun', str, 'n'), 'heun': {'steps': Key(18, int, 's')}}
  )
  assert found.model.to_dict() == {'path': {'name': 'a', 'a': {'b': 3}, 'odd': 4}}  # and width is missing
  assert found.sampler.to_dict() == {'name': 'heun', 'heun': {'steps': 18}}


def test_a_sampler_is_of_models_that_leave_a_choice():
  config = load_module('vae_digits').get_config('smoke')
  config.sampler = ConfigDict({'name': 'heun'})
  assert refused(config) == (
    'config.sampler is set, and jaxgen.models.vae.vae_conv leaves no choice of samplers; leave the section away.'
  )


def test_an_older_run_names_its_module_without_the_room_of_its_family(tmp_path):
  older = configs.defaults().to_dict()
  for name, now in (
    ('jaxgen.models.glow', 'jaxgen.models.flow.glow'),
    ('glow', 'glow'),
    ('evil.glow', 'evil.glow'),
  ):
    (tmp_path / 'config.json').write_text(json.dumps(older | {'module': name}))
    assert history.load(tmp_path / 'config.json').module == now


def test_the_kinds_are_those_that_there_are():
  assert config_keys.FIELD['kind'].choices == fields.KINDS


@pytest.mark.parametrize(
  ('classes', 'conditional', 'given', 'label'),
  [(10, True, ('label',), {'label': Field('label', (), 10)}), (0, False, (), {})],
)
def test_an_older_run_says_otherwise_what_its_data_are_and_what_is_given(
  tmp_path, classes, conditional, given, label
):
  older = configs.defaults().to_dict()
  del older['given']
  older['data'] |= {'shape': (8, 8, 1), 'levels': 17, 'classes': classes}
  older['model'] = {'depth': 4, 'conditional': conditional}
  (tmp_path / 'config.json').write_text(json.dumps(older))
  found = history.load(tmp_path / 'config.json')
  assert fields.of(found) == {'x': Field('image', (8, 8, 1), 17), **label}
  assert fields.given(found) == label
  assert (found.given, found.model.to_dict()) == (given, {'depth': 4})
  assert not {'shape', 'classes'} & set(found.data)
  assert found.data.levels == config_keys.DATA['levels'].default  # of sound: another key than the older one


@pytest.mark.parametrize(
  ('field', 'sentence'),
  [
    ({'kind': 'picture', 'shape': (8, 8, 1), 'levels': 17}, 'config.data.fields.x.kind="picture"'),
    ({'kind': 'image', 'shape': (8, -8, 1), 'levels': 17}, 'config.data.fields.x.shape=(8, -8, 1)'),
    ({'kind': 'image', 'shape': (8, 8, 1)}, 'config.data.fields.x.levels'),
    (3, 'config.data.fields.x=3 must be a ConfigDict'),
  ],
)
def test_a_field_that_cannot_be_is_refused(field, sentence):
  config = load_module('vae_digits').get_config('smoke')
  with config.unlocked():
    config.data.fields = ConfigDict({'x': field})
  with pytest.raises(UserError) as caught:
    configs.check(config)
  assert sentence in str(caught.value)


@pytest.mark.parametrize(
  ('given', 'sentence'),
  [
    (('lable',), 'config.given names "lable", which is no field of digits; there are: label.'),
    (('x',), 'config.given names x, which is what is modelled'),
    (('label', 'label'), 'config.given names label more than once; name it once'),
  ],
)
def test_what_is_given_is_a_field_of_the_data(given, sentence):
  config = data.resolve(tiny_config.get_config('smoke'))
  config.given = given
  with pytest.raises(UserError, match=sentence):
    experiment.build_model(config)


def test_a_run_that_is_older_than_a_key_has_it(tmp_path):
  config = configs.defaults()
  with config.unlocked():
    del config.max_minutes, config.evaluation.features, config.data.validation
  (tmp_path / 'config.json').write_text(configs.to_json(config))
  expected = configs.defaults()
  expected.data.validation = 0.0  # such a run was trained on everything
  expected.optimizer.decay_steps = expected.num_steps
  assert history.load(tmp_path / 'config.json').to_dict() == expected.to_dict()


def test_each_optimizer_of_a_model_is_held_against_the_same_table():
  config = load_module('gan_digits').get_config('smoke')
  assert 'config.discriminator_optimizer.b1=1.0' in refused(
    changed(config, 'discriminator_optimizer.b1', 1.0)
  )
  assert 'of adamw alone' in refused(changed(config, 'discriminator_optimizer.weight_decay', 0.1))


def test_an_optional_stage_is_a_key_that_need_not_be_set():
  optional, needed = ({'guide': StageKey('a run that guides', optional=each)} for each in (True, False))
  config = configs.completed(configs.defaults(), {}, {}, optional)
  assert config.stages.to_dict() == {'guide': ''}
  configs.check_stages(config, optional)
  with pytest.raises(UserError, match='config.stages.guide="" names no run; .* needs a run that guides'):
    configs.check_stages(config, needed)
  assert configs.completed(configs.defaults(), {}, {}, needed).stages.to_dict() == {}
