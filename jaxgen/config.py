"""What every experiment's config holds, checked and written to disk.

A file in `configs/` starts from `defaults()`, names its data set and its model's module, and sets what
differs. Every key exists here or in that file, so that a misspelt one is found.
"""

import json
from pathlib import Path

from ml_collections import ConfigDict

from jaxgen.errors import UserError


def optimizer(**changes) -> ConfigDict:
  """The settings of one optimizer; see `jaxgen.optim.make` for what each does."""
  config = ConfigDict(
    dict(
      name='adam',  # adam | adamw | adamax | rmsprop | sgd
      learning_rate=1e-3,
      schedule='constant',  # constant | cosine | linear: what follows the warm-up
      warmup_steps=0,
      b1=0.9,  # also the momentum of sgd and rmsprop
      b2=0.999,
      eps=1e-8,
      weight_decay=0.0,  # adamw only
      clip_norm=0.0,  # 0: gradients are not clipped
    )
  )
  config.update(changes)
  return config


def defaults() -> ConfigDict:
  """The keys that every experiment has, with values that suit a small run."""
  return ConfigDict(
    dict(
      module='',  # the module whose build(config) makes the model: 'jaxgen.models.glow'
      model=dict(),  # the architecture; its keys are those of the module
      data=dict(
        name='digits',  # digits | tfds:<name> | folder:<path> | npz:<path> | toy:<name>
        image_size=0,  # resize to this many pixels a side; 0: as they are
        validation=0.1,  # share of the training set that is held out, see `jaxgen.data.splits`; 0: nothing is
      ),
      optimizer=optimizer(),
      ema_decay=0.999,
      seed=0,
      batch_size=64,  # over all devices
      num_steps=1000,
      max_minutes=0.0,  # of training, after which a run ends before num_steps; 0: no limit
      steps_per_dispatch=1,  # training steps in one compiled program
      parallel='pmap',  # with several devices: pmap | shard_map
      log_every=50,
      eval_every=500,
      sample_every=500,
      checkpoint_every=500,
      keep_checkpoints=3,
      num_samples=64,  # images in a sample grid
      evaluation=dict(  # see `jaxgen.metrics.evaluation.Settings` and `jaxgen.metrics.features.choose`
        metrics=(),  # of `jaxgen.metrics.catalogue`; empty: all that apply to the model
        features='auto',  # inception | classifier | random | identity: what samples are compared by
        num_samples=0,  # 0: as many as the split has examples, at most 10,000
        split='train',  # that samples are compared with; likelihoods are always those of the test split
      ),
    )
  )


def smoke(config: ConfigDict, **model_changes) -> ConfigDict:
  """The preset ':smoke': the same experiment in seconds, with a model cut down by `model_changes`."""
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


def load(path: Path) -> ConfigDict:
  """Reads what `to_json` gave; lists become tuples again."""
  return ConfigDict(_tuples(json.loads(Path(path).read_text())))


def differences(old: ConfigDict, new: ConfigDict) -> list[str]:
  """The keys whose values differ, one phrase each: `'optimizer.learning_rate: 0.001 -> 0.01'`."""
  old, new = _flat(old.to_dict()), _flat(new.to_dict())
  keys = sorted(old.keys() | new.keys())
  missing = '(absent)'
  return [
    f'{key}: {old.get(key, missing)} -> {new.get(key, missing)}'
    for key in keys
    if _tuples(old.get(key, missing)) != _tuples(new.get(key, missing))
  ]


def _flat(tree, prefix=''):
  if not isinstance(tree, dict):
    return {prefix[:-1]: tree}
  return {key: value for name, sub in tree.items() for key, value in _flat(sub, f'{prefix}{name}.').items()}


def _tuples(value):
  if isinstance(value, dict):
    return {key: _tuples(sub) for key, sub in value.items()}
  if isinstance(value, (list, tuple)):
    return tuple(_tuples(sub) for sub in value)
  return value
