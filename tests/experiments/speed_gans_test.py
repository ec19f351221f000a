"""The benchmark of adversarial networks: its cases, its twins in PyTorch where that is installed, and its table."""

import jax
import pytest

from experiments.speed import table as speed_table
from experiments.speed.gans import table
from experiments.speed.gans.cases import CASES, settings
from jaxgen import experiment, fields


def parameters(config):
  """How many the game of a config has; nothing is computed."""
  batch = fields.blank(fields.of(config), 2)
  params, _ = jax.eval_shape(experiment.build_model(config).init, jax.random.key(0), batch)
  return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize('name', CASES)
def test_a_twin_has_the_same_parameters_and_takes_a_step(name):
  torch = pytest.importorskip('torch', reason="needs pip install -e '.[bench]'")
  from experiments.speed.gans import game

  torch.manual_seed(0)
  config = settings(CASES[name])
  twin = game.Game(config.to_dict(), CASES[name].twin, torch.channels_last, compiled=False)
  assert game.parameters(twin.networks) == parameters(config)
  before = [[p.clone() for p in network.parameters()] for network in twin.networks]
  twin.step(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8), torch.tensor([0, 1]))
  for old, network in zip(before, twin.networks, strict=True):
    assert any((a != b).any() for a, b in zip(old, network.parameters(), strict=True))


@pytest.mark.parametrize('name', CASES)
def test_a_case_is_one_alternating_step_of_a_config(name):
  config = settings(CASES[name])
  assert config.model.discriminator_steps == 1 and config.data.fields.x.shape == (32, 32, 3)
  assert parameters(config) > 100_000


def test_rows_are_kept_at_once_and_shown_beside_jaxgen(tmp_path, monkeypatch):
  monkeypatch.setattr(speed_table, 'FOLDER', tmp_path)
  row = {
    'batch_size': 64,
    'parameters': 1234,
    'versions': {'jaxgen': {'jax': '0.1', 'threads': 2}, 'torch': {'torch': '2.0', 'threads': 2}},
    'train': {'jaxgen': 0.5, 'torch': 1.0, 'torch, compiled': 0.4, 'spread': 0.1},
    'memory': dict.fromkeys(table.SIDES, 300.0),
    'first_step': dict.fromkeys(table.SIDES, 9.0),
  }
  table.results().add('dcgan', row)
  assert table.results().has('dcgan') and not table.results().has('biggan')
  text = (tmp_path / 'gans.md').read_text()
  assert '| dcgan | jaxgen | 1,234 | 128.0 |  | 300 | 9.0 |' in text
  assert '| dcgan | torch | 1,234 | 64.0 | **0.50** | 300 | 9.0 |' in text
  assert '| dcgan | torch, compiled | 1,234 | 160.0 | **1.25** |' in text
