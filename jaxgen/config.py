"""Configs: the defaults that every experiment starts from, the check of a whole config, and its file.

A file in `configs/` starts from `defaults()`, names its data set and its model's module, and sets what
differs. What each key may be stands in `jaxgen.config_keys` and in the module of the model.
"""

import difflib
import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ml_collections import ConfigDict

from jaxgen import config_keys
from jaxgen.errors import UserError


def optimizer(**changes) -> ConfigDict:
  """The settings of one optimizer (keys: `jaxgen.config_keys.OPTIMIZER`); see `jaxgen.optim.make`."""
  config = ConfigDict(config_keys.default_values(config_keys.OPTIMIZER))
  config.update(changes)
  return config


def defaults() -> ConfigDict:
  """The keys that every experiment has (`jaxgen.config_keys.KEYS`), with values that suit a small run."""
  return ConfigDict(config_keys.default_values(config_keys.KEYS))


def check(config: ConfigDict) -> None:
  """Holds every key that experiments share against `jaxgen.config_keys`, and what `config.model` may hold at all.

  Raises:
    UserError: naming the first key that is missing, unknown, or of a value that it may not have.
  """
  keys = {**config_keys.KEYS, 'data': config_keys.DATA | _resolved_keys(config)}
  # besides `optimizer`, each other player of a model has one: `discriminator_optimizer`
  keys |= dict.fromkeys(optimizers(config), config_keys.OPTIMIZER)
  _check(config, keys | {'sampler': {}}, optional=(*config_keys.RESOLVED, 'sampler'))
  for section in ('model', 'sampler'):
    for name, value in _flat(config.get(section, ConfigDict()).to_dict(), f'{section}.').items():
      if not _is_plain(value):
        raise UserError(
          f'config.{name}={_short(value)} cannot be kept in a file; a config holds numbers, text, True, False and '
          'tuples of these.'
        )
  for name in optimizers(config):
    if config[name].weight_decay and config[name].name != 'adamw':
      raise UserError(
        f'config.{name}.weight_decay={config[name].weight_decay} is of adamw alone; set config.{name}.name=adamw, or '
        'weight_decay to 0.'
      )


def _resolved_keys(config):
  """A table for each field that a resolved config states."""
  data = config.get('data')
  found: Any = data.get('fields') if isinstance(data, ConfigDict) else None
  keys = dict.fromkeys(found, config_keys.FIELD) if isinstance(found, ConfigDict) else {}
  return config_keys.RESOLVED | {'fields': keys}


def check_model(
  config: ConfigDict, keys: config_keys.Keys, sampler: config_keys.Keys = MappingProxyType({})
) -> None:
  """Holds `config.model` against the `KEYS` of the module `config.module`, and `config.sampler` against its `SAMPLER`.

  Raises:
    UserError: as `check`, or if there is a section `config.sampler` and the module leaves no choice of samplers.
  """
  _check(config.model, keys, 'model.', f' of {config.module}')
  if sampler:
    _check(config.sampler, sampler, 'sampler.', f' of {config.module}')
  elif 'sampler' in config:
    raise UserError(
      f'config.sampler is set, and {config.module} leaves no choice of samplers; leave the section away.'
    )


def completed(
  config: ConfigDict,
  keys: config_keys.Keys,
  sampler: config_keys.Keys = MappingProxyType({}),
  stages: Mapping[str, config_keys.StageKey] = MappingProxyType({}),
) -> ConfigDict:
  """The config with what it leaves out of the keys of its module, `KEYS`, `SAMPLER` and the optional ones of `STAGES`.

  Of `config.model` that is what an older run ran with, each key's `before`. Its sections, and `config.sampler`, hold
  what a slot can be set to under each of its names, of which a config need not say more than it uses: the rest has its
  defaults.
  """
  model = config.get('model')
  if not isinstance(model, ConfigDict):
    return config
  missing = {
    name: key for name, key in keys.items() if isinstance(key, config_keys.Key) and name not in model
  }
  whole = {name: key.before for name, key in missing.items() if key.before is not None}
  sections = {name: key for name, key in keys.items() if not isinstance(key, config_keys.Key)}
  optional = {name: '' for name, stage in stages.items() if stage.optional}
  if not (whole or sections or sampler or optional):
    return config
  config = config.copy_and_resolve_references()
  plain = config.to_dict()
  whole |= {name: config_keys.filled(key, plain['model'].get(name, {})) for name, key in sections.items()}
  with config.unlocked():
    config.model = ConfigDict({**plain['model'], **whole})
    if sampler:
      found = config_keys.filled(sampler, plain.get('sampler', {}))
      config.sampler = ConfigDict(found) if isinstance(found, dict) else found
    if optional and isinstance(plain.get('stages', {}), dict):
      config.stages = ConfigDict(optional | plain.get('stages', {}))
  return config


def check_stages(config: ConfigDict, declared: Mapping[str, config_keys.StageKey]) -> None:
  """Holds `config.stages` against `STAGES` of the module `config.module`.

  Raises:
    UserError: if a stage that the model needs is not named, or one is named that it does not know.
  """
  for name in config.stages:
    if name not in declared:
      raise UserError(
        _unknown(name, declared, 'stages.', f' of {config.module}')
        if declared
        else f'config.stages.{name} is set, and {config.module} is built on no other run; leave it away.'
      )
  for name, stage in declared.items():
    path = config.stages.get(name, '')
    if path == '' and stage.optional:
      continue
    if not isinstance(path, str) or not path:
      raise UserError(
        f'config.stages.{name}={_short(path)} names no run; {config.module} needs {stage.meaning}: '
        f'--config.stages.{name}=<its folder>.'
      )


def _check(section, keys, prefix='', whose='', optional=()):
  for name in section:
    if name not in keys:
      raise UserError(_unknown(name, keys, prefix, whose))
  for name, key in keys.items():
    if name not in section:
      if name in optional:
        continue
      raise UserError(
        f'config.{prefix}{name}, a key{whose or " of every experiment"}, is missing; start from a config in configs/.'
      )
    value = section[name]
    if not isinstance(key, config_keys.Key):
      if not isinstance(value, ConfigDict):
        raise UserError(f'config.{prefix}{name}={_short(value)} must be a ConfigDict of its own.')
      if key:
        _check(value, key, f'{prefix}{name}.', whose, optional)
    elif not key.allows(value):
      raise UserError(f'config.{prefix}{name}={_short(value)} cannot be used; it must be {key.words()}.')


def _unknown(name, keys, prefix, whose):
  near = difflib.get_close_matches(str(name), keys, n=1)
  hint = f'did you mean "{near[0]}"?' if near else f'there are: {", ".join(keys)}.'
  return f'config.{prefix}{name} is no key{whose or ""}; {hint}'


def _is_plain(value):
  if isinstance(value, (tuple, list)):
    return all(map(_is_plain, value))
  return isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))


def _short(value):
  """How a message shows a value."""
  text = f'"{value}"' if isinstance(value, str) else repr(value)
  return text if len(text) <= 60 else text[:57] + '...'


def smoke(config: ConfigDict, image_size: int = 0, **model_changes) -> ConfigDict:
  """The preset ':smoke': the same experiment in seconds, with a model cut down by `model_changes`, and images of
  `image_size` pixels a side where their size decides how many layers there are, or passes of a sample; 0: their own."""
  config.update(
    dict(
      batch_size=8,
      num_steps=4,
      log_every=2,
      eval_every=4,
      sample_every=4,
      checkpoint_every=2,
      num_samples=4,
      steps_per_dispatch=min(config.steps_per_dispatch, 2),
    )
  )
  # thousands of images would take longer than all the rest
  config.data.validation = min(config.data.validation, 0.01)
  config.data.image_size = image_size or config.data.image_size
  config.model.update(model_changes)
  return config


def preset(config: ConfigDict, name: str, **smoke_changes) -> ConfigDict:
  """Applies the preset that follows the colon in `--config=configs/foo.py:smoke`.

  Raises:
    UserError: if there is no such preset.
  """
  if name == 'smoke':
    return smoke(config, **smoke_changes)
  if name:
    raise UserError(f'There is no preset "{name}"; the presets are: smoke.')
  return config


def to_json(config: ConfigDict) -> str:
  """The config as JSON."""
  return json.dumps(config.to_dict(), indent=2, sort_keys=True) + '\n'


def optimizers(config: ConfigDict) -> list[str]:
  """The sections that are an optimizer's, one for each player."""
  return ['optimizer', *sorted(name for name in config if name.endswith('_optimizer'))]


def fix_schedules(config: ConfigDict, begun: ConfigDict | None = None) -> ConfigDict:
  """Writes down the step at which each schedule ends, so that a run of more steps does not learn at other rates.

  Args:
    config: where an optimizer says no `decay_steps`, a copy gets them.
    begun: the config that a run began with, whose `decay_steps` those are; where there is none, it is `num_steps`.
  """
  config = config.copy_and_resolve_references()
  for name in optimizers(config):
    before = begun[name].decay_steps if begun and name in begun else config.num_steps
    config[name].decay_steps = config[name].decay_steps or before
  return config


def schedule_notes(config: ConfigDict) -> list[str]:
  """What happens to the rate of each optimizer whose schedule does not end with the run; of `fix_schedules`."""
  notes = []
  for name in optimizers(config):
    end, rule = config[name].decay_steps, config[name].schedule
    if rule == 'constant' or end == config.num_steps:
      continue
    rates = 'the rate is 0 in between' if end < config.num_steps else 'the rate does not come down to 0'
    notes.append(
      f'the {rule} of config.{name} ends at step {end:,} (decay_steps), the run at {config.num_steps:,}: {rates}; '
      f'a new run of {config.num_steps:,} steps would learn at other rates, to other parameters'
    )
  return notes


def differences(old: ConfigDict, new: ConfigDict) -> list[str]:
  """The keys whose values differ, one phrase each: `'optimizer.learning_rate: 0.001 -> 0.01'`."""
  old, new = _flat(old.to_dict()), _flat(new.to_dict())
  keys = sorted(old.keys() | new.keys())
  missing = '(absent)'
  return [
    f'{key}: {old.get(key, missing)} -> {new.get(key, missing)}'
    for key in keys
    if tuples(old.get(key, missing)) != tuples(new.get(key, missing))
  ]


def _flat(tree, prefix=''):
  if not isinstance(tree, dict):
    return {prefix[:-1]: tree}
  return {key: value for name, sub in tree.items() for key, value in _flat(sub, f'{prefix}{name}.').items()}


def tuples(value: Any) -> Any:
  """The value with each list in it, as JSON has them, a tuple."""
  if isinstance(value, dict):
    return {key: tuples(sub) for key, sub in value.items()}
  if isinstance(value, (list, tuple)):
    return tuple(tuples(sub) for sub in value)
  return value
