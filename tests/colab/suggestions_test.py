"""What a notebook suggests to change works: each line is put where it belongs, and the cells that show it run."""

from typing import NamedTuple

import jax
import numpy as np
import PIL.Image
import pytest

from tests.colab.notebooks import code_cells, stored

MADE, TRAINED = 'config = get_config(PRESET)', 'state = train(config, workdir)'
FOLDER = "config.data.name = 'folder:images'"
# Where the notebook uses other words than the line that the reader writes.
WORDS = {
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
      "config.module = 'jaxgen.models.vae_mlp'",
      "config.model.likelihood = 'bernoulli'",
      'config.model.latent_dim = 2',
      "config.given = ('label',)",
    ),
    ('folders.items()', 'directions ='),
  ),
  Trial('gan', ("config.model.loss = 'least_squares'", FOLDER)),
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
      'config.model.sigma_max = 1.',
      'config.model.num_levels = 5',
      "config.given = ('label',)",
      'config.ema_decay = 0.',
    ),
    ('settings =',),
  ),
  Trial('autoregressive', ('config.model.kernel = 5', FOLDER), ('writers.read',)),
]


def code(notebook, words):
  """The first code cell with these words."""
  return next(cell.source for cell in code_cells(notebook) if words in cell.source)


def _cases():
  for trial in TRIALS:
    quick = trial.notebook == 'autoregressive'
    name = f'{trial.notebook}: {trial.changes[0]}'
    yield pytest.param(trial, id=name, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize('trial', list(_cases()))
def test_what_a_notebook_suggests_works(trial, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  draw_some_images(tmp_path / 'images')
  notebook = stored(trial.notebook)
  text = '\n'.join(cell.source for cell in notebook.cells if cell.cell_type == 'markdown')
  for change in trial.changes:
    assert WORDS.get(change, change) in text
  names = {'PRESET': 'smoke', 'jax': jax}
  exec('\n'.join((code(notebook, MADE), *trial.changes, QUICK)), names)
  exec(code(notebook, TRAINED), names)
  names['folders'] = {names['config'].model.get('kl_weight'): names['workdir']}
  for words in trial.shown_by:
    exec(code(notebook, words), names)


def test_the_run_that_a_notebook_starts_with_is_shown_under_the_beta_that_it_has():
  notebook = stored('vae')
  names = {'PRESET': 'smoke', 'workdir': 'runs/vae', 'train': lambda config, folder: None}
  exec(code(notebook, MADE), names)
  exec(code(notebook, 'folders = {').partition('for beta')[0], names)
  assert names['folders'] == {names['config'].model.kl_weight: 'runs/vae'}
  assert names['config'].model.kl_weight == 2


def draw_some_images(folder):
  folder.mkdir()
  for index, x in enumerate(np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)):
    PIL.Image.fromarray(x).save(folder / f'{index}.png')
