"""The benchmark of autoencoders beside pythae: its cases, its other side where that is installed, and its table."""

import jax
import pytest

from experiments.speed import table as speed_table
from experiments.speed.autoencoders import table
from experiments.speed.autoencoders.cases import CASES, settings
from jaxgen import experiment, fields

# layers of 784, 512 and 50 numbers, two of 50 for the mean and the log-variance, and back
PARAMETERS = (784 + 1) * 512 + (512 + 1) * 100 + (50 + 1) * 512 + (512 + 1) * 784


@pytest.mark.parametrize('name', CASES)
def test_a_case_has_as_many_parameters_as_pythae(name):
  config = settings(CASES[name])
  params, _ = jax.eval_shape(
    experiment.build_model(config).init, jax.random.key(0), fields.blank(fields.of(config), 2)
  )
  assert sum(leaf.size for leaf in jax.tree.leaves(params)) == PARAMETERS


@pytest.mark.parametrize('name', CASES)
def test_pythae_takes_a_step_and_draws(name):
  pytest.importorskip('pythae', reason='needs pip install pythae')
  from experiments.speed.autoencoders.pythae_side import Side

  side, case = Side(), CASES[name]
  built = side.build(settings(case).to_dict(), case.model, dict(case.settings))
  assert built['parameters'] == PARAMETERS
  assert side.train(0.0)['seconds'] > 0 and side.sample(3, 0.0)['seconds'] > 0


def test_rows_are_kept_at_once_and_shown_beside_jaxgen(tmp_path, monkeypatch):
  monkeypatch.setattr(speed_table, 'FOLDER', tmp_path)
  row = {
    'batch_size': 128,
    'steps_per_dispatch': 50,
    'parameters': 1234,
    'versions': {
      'jaxgen': {'jax': '0.1', 'threads': 2},
      'pythae': {'pythae': '0.2', 'torch': '2.0', 'threads': 2},
    },
    'train': {'jaxgen': 0.002, 'pythae': 0.004, 'spread': 0.1},
    'sample': {'jaxgen': 0.03, 'pythae': 0.02, 'spread': 0.2},
    'memory': {'jaxgen': 600.0, 'pythae': 300.0},
    'first_step': {'jaxgen': 3.0, 'pythae': 0.5},
  }
  table.results().add('vae', row)
  assert table.results().has('vae') and not table.results().has('infovae')
  text = (tmp_path / 'autoencoders.md').read_text()
  cells = '2 | 4 | **0.50** | 30 | 20 | **1.50** | 600 | 300 | **2.00** | 3 | 0.5 | **6.00**'
  assert f'| `vae` | `VAE` | 1,234 | {cells} |' in text
  assert 'up to 20% apart' in text and '50 steps of jaxgen' in text
