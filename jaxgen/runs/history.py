"""The config of a run as it stands in its folder: what earlier versions said, in the words of this one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgen import config as configs
from jaxgen import config_keys

_MODELS = Path(configs.__file__).parent / 'models'


def load(path: Path) -> ConfigDict:
  """Reads what `jaxgen.config.to_json` gave; lists become tuples again, and a run older than a key has one too."""
  return from_dict(json.loads(Path(path).read_text()))


def from_dict(values: Mapping[str, Any]) -> ConfigDict:
  """What JSON made of a config, as one; see `load`."""
  return configs.fix_schedules(ConfigDict(_completed(_renamed(configs.tuples(values)), config_keys.KEYS)))


def _renamed(values):
  """What older runs say in other words."""
  evaluation, data, model = (dict(values.get(name, {})) for name in ('evaluation', 'data', 'model'))
  if 'split' in evaluation:
    evaluation['against'] = evaluation.pop('split')
  if 'shape' in data:
    data['fields'] = _fields(data.pop('shape'), data.pop('levels'), data.pop('classes'))
  given = {'given': ('label',)} if model.pop('conditional', False) else {}
  dtype = {'dtype': model.pop('dtype')} if 'dtype' in model and 'dtype' not in values else {}
  model = _with_likelihood(_with_path(model))
  of_model = model.pop('sampler') if isinstance(model.get('sampler'), Mapping) else None
  sampler = _sampler(values.get('sampler', of_model))
  module = {'module': _module(values['module'])} if isinstance(values.get('module'), str) else {}
  return {
    **given,
    **dtype,
    **values,
    **sampler,
    **module,
    'evaluation': evaluation,
    'data': data,
    'model': model,
  }


def _module(name):
  """What was `jaxgen.models.glow` stands in the room of its family."""
  package, _, stem = name.rpartition('.')
  found = list(_MODELS.glob(f'*/{stem}.py')) if package == 'jaxgen.models' and stem.isidentifier() else []
  return f'{package}.{found[0].parent.name}.{stem}' if found else name


def _sampler(values):
  """A section of the model once, which called Heun's method on the probability flow by the name of the flow."""
  if not isinstance(values, Mapping):
    return {}
  values = {('heun' if name == 'probability_flow' else name): value for name, value in values.items()}
  if values.get('name') == 'probability_flow':
    values['name'] = 'heun'
  corrector = values.get('predictor_corrector')
  if isinstance(corrector, Mapping) and 'num_levels' in corrector:
    steps = {'num_steps': corrector['num_levels']}
    values['predictor_corrector'] = steps | {k: v for k, v in corrector.items() if k != 'num_levels'}
  return {'sampler': values}


def _with_path(model):
  """Noise whose variance explodes, at discrete levels, was all there was of score models."""
  levels = {name: model[name] for name in ('sigma_max', 'sigma_min', 'num_levels') if name in model}
  if 'sigma_max' not in model or 'path' in model:
    return model
  rest = {name: value for name, value in model.items() if name not in levels}
  return {**rest, 'path': {'name': 'variance_exploding', 'variance_exploding': levels}}


def _with_likelihood(model):
  """The ODE was the only way to a likelihood of score models, and its number of steps all that could be set."""
  if 'ode_steps' not in model:
    return model
  rest = {name: value for name, value in model.items() if name != 'ode_steps'}
  return {**rest, 'likelihood': {'name': 'ode', 'ode': {'num_steps': model['ode_steps']}}}


def _fields(shape, levels, classes):
  """Images or vectors, and perhaps labels, were all there was."""
  x = {'kind': 'image' if len(shape) == 3 else 'vector', 'shape': shape, 'levels': levels}
  return {'x': x} | ({'label': {'kind': 'label', 'shape': (), 'levels': classes}} if classes else {})


def _completed(values, keys):
  """What a run that is older than some keys ran with."""
  sections = {name: key for name, key in keys.items() if not isinstance(key, config_keys.Key)}
  sections |= {name: config_keys.OPTIMIZER for name in values if name.endswith('_optimizer')}
  completed = {name: _completed(values.get(name, {}), section) for name, section in sections.items()}
  return config_keys.values_before(keys) | values | completed
