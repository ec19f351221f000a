"""Runs that hostile commands name: of one checkpoint whose weights nobody has trained, so that nothing is compiled."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgen import beginning, config_files, data, experiment, fields
from jaxgen.data import vocabulary as vocabularies
from jaxgen.data.vocabulary import Vocabulary
from jaxgen.runs import content, stages
from jaxgen.runs import workdir as workdirs
from jaxgen.runs.checkpoint import Checkpoints
from jaxgen.uses import archive


def config_of(name: str, source: str, context: int = 0, given: tuple[str, ...] = ()) -> ConfigDict:
  """A shipped config in little, of these data."""
  config = config_files.load(f'{name}:smoke')
  config.data.name, config.given = source, given
  config.data.context = context or config.data.context
  return config


def begin(workdir: Path, config: ConfigDict, weight: float = 0.0) -> None:
  """The folder of a run that has come to step 1, and whose every weight is the same number."""
  config = workdirs.with_schedules(workdir, data.resolve(experiment.completed(config)))
  built_on = experiment.load_stages(config)
  shapes = beginning.first_shapes(experiment.build_model(config, built_on), config)
  state = jax.tree.map(lambda leaf: np.full(leaf.shape, weight, leaf.dtype), shapes)
  vocabulary = data.load(config.data, 'train').vocabulary
  note = {'vocabulary': content.of_vocabulary(vocabulary)} if vocabulary else {}
  with workdirs.claim(workdir, config, note):
    if vocabulary:
      vocabularies.save(workdir, vocabulary)
    stages.write(workdir, built_on)
    checkpoints = Checkpoints(workdir / 'checkpoints')
    checkpoints.save(state._replace(step=np.int32(1)))
    checkpoints.close()


def write(root: Path) -> None:
  """All of them, below a folder that holds what `tests.hostile.files` writes."""
  _texts(root)
  sound = config_of('wavenet_logistics_strings', f'audio:{root}/sounds_of_another_rate', context=16)
  sound.data.rate = 44_100
  begin(root / 'of_44100', sound)
  _codes(root)


def _texts(root):
  """Models of six letters, copies of one that have the vocabularies of others, and one whose text became another: the
  tokens are the same."""
  for name in ('charlm', 'rnnlm'):
    begin(root / name, config_of(f'{name}_text', f'text:{root}/long.txt', context=8))
  for name, letters in {'other_letters': ' dorsx', 'fewer_letters': ' dors'}.items():
    shutil.copytree(root / 'charlm', root / name)
    vocabularies.save(root / name, Vocabulary('characters', len(letters) + 1, letters))
  text = root / 'rewritten.txt'
  text.write_text('words ' * 999)
  begin(root / 'rewritten', config_of('charlm_text', f'text:{text}', context=8))
  text.write_text('wordt ' * 999)


def _codes(root):
  """Two autoencoders of two levels, codes of each, and a prior on the top codes of the one."""
  for weight, name in enumerate(('one', 'two')):
    config = config_of('vqvae2_mnist', 'digits')
    begin(root / f'codes_{name}', config, weight)
    coder = experiment.load(root / f'codes_{name}')
    of = experiment.checksum(coder)
    assert isinstance(coder.model.codes, Mapping)
    bottom, top = (coder.model.codes[level] for level in ('bottom', 'top'))
    for level, spec in {'bottom': {'x': bottom, 'top': top}, 'top': {'x': top}}.items():
      codes = {key: np.zeros((40, *field.shape), fields.dtype(field)) for key, field in spec.items()}
      archive.write(root / f'{level}_{name}.npz', spec, codes, weights_sha256=of)
  config = config_of('top_codes_mnist', f'npz:{root}/top_one.npz')
  config.stages.decoder = str(root / 'codes_one')
  begin(root / 'prior_one', config)
