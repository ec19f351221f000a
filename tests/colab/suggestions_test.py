"""What a notebook suggests to change works: each line is put where it belongs, and the cells that show it run."""

import functools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from configs.pixelcnn_digits import get_config
from experiments.microscope import families, runs
from jaxgen import beginning, data, experiment, fields, show
from tests.colab.notebooks import code_cells, stored

MADE, TRAINED = 'config = get_config(PRESET)', 'state = train(config, workdir)'
FOLDER = "config.data.name = 'folder:images'"
MNIST = "config.data.name = 'tfds:mnist'"
# Where the notebook uses other words than the line that the reader writes.
WORDS = {
  MNIST: "config.data.name = 'tfds:mnist'` (prepared",
  FOLDER: "config.data.name = 'tfds:mnist'` (prepared once, as the README says) or `'folder:/my/images'`",
  'config.model.kernel = 5': '`kernel`',
  "config.model.likelihood = 'bernoulli'": "or `'bernoulli'`",
  "config.model.loss = 'least_squares'": "Others are `'least_squares'`",
  "config.model.loss = 'minimax'": "`'minimax'`",
  "config.model.loss = 'wasserstein'": "`'wasserstein'`",
  "config.model.penalty = 'gradient_penalty'": "`'penalty': 'gradient_penalty'`",
  'config.model.penalty_weight = 10.': "`'penalty_weight': 10.`",
  'config.model.discriminator_steps = 5': "`'discriminator_steps': 5`",
}
# As little training as shows that the lines do what they say.
QUICK = 'config.update(dict(num_steps=1, steps_per_dispatch=1, log_every=1, eval_every=1, sample_every=0))'


# Of a set with thousands of images few are looked at, and they are small.
FEW = 'config.data.update(dict(validation=0.0001, image_size=8))'


class Trial(NamedTuple):
  """Suggestions of a notebook that are tried together.

  Attributes:
    notebook: where they stand.
    changes: what the reader adds to the cell that makes the config; these words stand in the notebook.
    shown_by: words of the later code cells that he runs.
  """

  notebook: str
  changes: tuple[str, ...]
  shown_by: tuple[str, ...] = ()


TRIALS = [
  Trial(
    'vae',
    ("config.model.likelihood = 'laplace'", 'config.model.kl_weight = 8.', FOLDER),
    ('folders.items()',),
  ),
  Trial(
    'vae',
    (
      "config.module = 'jaxgen.models.vae.vae_mlp'",
      "config.model.likelihood = 'bernoulli'",
      'config.model.latent_dim = 2',
      "config.given = ('label',)",
    ),
    ('folders.items()', 'directions ='),
  ),
  Trial('gan', ("config.model.loss = 'least_squares'", FOLDER)),
  Trial('vae', (MNIST,)),
  Trial('gan', (MNIST,)),
  Trial('autoregressive', (MNIST,), ('writers.read',)),
  Trial('gan', ("config.model.loss = 'minimax'",)),
  Trial(
    'gan',
    (
      "config.model.loss = 'wasserstein'",
      "config.model.penalty = 'gradient_penalty'",
      'config.model.penalty_weight = 10.',
      'config.model.discriminator_steps = 5',
    ),
  ),
  Trial(
    'score',
    (
      'config.model.path.variance_exploding.sigma_max = 1.',
      'config.model.path.variance_exploding.num_levels = 5',
      "config.given = ('label',)",
      'config.ema_decay = 0.',
    ),
    ('settings =',),
  ),
  Trial('autoregressive', ('config.model.kernel = 5', FOLDER), ('writers.read',)),
]


def code(notebook, words):
  """The first code cell of a notebook, by its name, with these words."""
  return next(cell.source for cell in code_cells(stored(notebook)) if words in cell.source)


def _cases():
  for trial in TRIALS:
    quick = trial.notebook == 'autoregressive' and MNIST not in trial.changes
    name = f'{trial.notebook}: {trial.changes[0]}'
    yield pytest.param(trial, id=name, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize('trial', list(_cases()))
def test_what_a_notebook_suggests_works(trial, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  draw_some_images(tmp_path / 'images')
  if MNIST in trial.changes:
    need_prepared('mnist')
  text = text_of(trial.notebook)
  for change in trial.changes:
    assert WORDS.get(change, change) in text
  names = {'PRESET': 'smoke', 'jax': jax}
  exec(
    '\n'.join((code(trial.notebook, MADE), *trial.changes, FEW if MNIST in trial.changes else '', QUICK)),
    names,
  )
  exec(code(trial.notebook, TRAINED), names)
  names['folders'] = {names['config'].model.get('kl_weight'): names['workdir']}
  for words in trial.shown_by:
    exec(code(trial.notebook, words), names)


def test_the_run_that_a_notebook_starts_with_is_shown_under_the_beta_that_it_has():
  names = {'PRESET': 'smoke', 'workdir': 'runs/vae', 'train': lambda config, folder: None}
  exec(code('vae', MADE), names)
  exec(code('vae', 'folders = {').partition('for beta')[0], names)
  assert names['folders'] == {names['config'].model.kl_weight: 'runs/vae'}
  assert names['config'].model.kl_weight == 2


@pytest.mark.parametrize(
  ('data_set', 'image_size'), [('tfds:mnist', 0), ('tfds:cifar10', 0), ('folder:/my/images', 32)]
)
def test_the_microscope_takes_the_data_that_its_notebook_suggests(
  data_set, image_size, tmp_path, monkeypatch
):
  """They are read, and the five families model them; nothing is trained."""
  assert f"`'{data_set}'`" in text_of('microscope') and '(with `image_size=32`)' in text_of('microscope')
  monkeypatch.chdir(tmp_path)
  draw_some_images(tmp_path / 'images')
  if data_set.startswith('tfds:'):
    need_prepared(data_set.removeprefix('tfds:'))
  names = {'PRESET': 'smoke'}
  exec(code('microscope', 'settings = Settings('), names)
  here = data_set.replace('/my/', '')
  settings = names['settings']._replace(data=here, image_size=image_size)
  reference = runs.read_data(settings)
  for family, row in families.FAMILIES.items():
    config = families.config_of(family, settings, row.smoke_width)
    model = experiment.build_model(config)
    state = beginning.first_shapes(model, config)
    given = {'label': np.zeros(4, np.uint8)} if model.given else None
    draw = functools.partial(model.sample, num=4, given=given)
    x = jax.eval_shape(draw, state.params, state.extra, jax.random.key(0))
    assert x.shape == (4, *reference.x.shape)


def test_a_lower_temperature_makes_the_counted_model_more_cautious():
  """`try 0.5`: what it then draws has fewer nats by its own table."""
  assert 'try 0.5.' in text_of('autoregressive')
  config = data.resolve(get_config('smoke'))
  test = data.load(config.data, 'test')
  names = dict(jax=jax, jnp=jnp, np=np, PIL=PIL, data=data, show=show, field=fields.of(config)['x'])
  names |= {'trained': SimpleNamespace(config=config), 'rows': [{'bits_per_dim': 0.0}]}
  names['test'] = test.examples(np.arange(len(test)))
  exec(code('autoregressive', 'by counting'), names)
  nats = []
  for line in ('temperature = 1.0', 'temperature = 0.5'):
    exec(code('autoregressive', 'temperature = 1.0').replace('temperature = 1.0', line), names)
    x = names['state'].position
    nats.append(float(names['categorical_nll'](names['log_table'][names['neighbours'](x)], x).mean()))
  assert nats[1] < 0.8 * nats[0]


def text_of(notebook):
  return '\n'.join(cell.source for cell in stored(notebook).cells if cell.cell_type == 'markdown')


def need_prepared(name):
  """Skips the test where the real set is not on this machine."""
  if not Path(os.environ.get('TFDS_DATA_DIR', '/nowhere'), name).is_dir():
    pytest.skip(f'TFDS_DATA_DIR names no folder that holds {name}')


def draw_some_images(folder):
  folder.mkdir()
  for index, x in enumerate(np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)):
    PIL.Image.fromarray(x).save(folder / f'{index}.png')
