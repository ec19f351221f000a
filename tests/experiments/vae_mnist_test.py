"""Autoencoders beside published ones: what is counted, and what is said of it."""

import numpy as np
import pytest

from experiments import arguments
from experiments.vae_mnist import cost, rate_distortion, reached, report
from experiments.vae_mnist.__main__ import CONFIGS, changes, main, run_name
from jaxgen import config_files
from jaxgen.runs.writers import MetricsWriter


def bound(name, **changes):
  return {
    'config': name,
    'run': name,
    'command': f'python -m jaxgen.main --config=configs/{name}.py',
    'cpu_minutes': 1.5,
    'seed': 0,
    'steps': 12_000,
    'batch_size': 128,
    'redrawn': 1,
    'parameters': 1234,
    'objective': 'loss = 1 * reconstruction + 1 * kl',
    'elbo': (99.0, 0.25),
    'bound': (95.5, 0.24),
    'kl': (25.0, 0.1),
    'draws': 200,
    'images': 10_000,
    'gain': {'draws': 5000, 'images': 200, 'nats': (0.5, 0.02)},
    'curve': [(6000, 101.0, 98.0)],
    'data': 'mnist',
    'versions': {'jax': '0.10'},
    **changes,
  }


def point(beta, rate, distortion):
  numbers = {'rate': (rate, 0.1), 'distortion': (distortion, 0.2), 'sum': (rate + distortion, 0.3)}
  versions = {'jax': '0.10'}
  split = {'examples': 300, **numbers}
  return {
    'config': 'vae_binary_mnist',
    'beta': beta,
    'seed': 0,
    'steps': 1000,
    'versions': versions,
    'train': split,
    'test': split,
  }


def step(draws, plain, remat, flops=0.0):
  parts = {'encoder': 2e6, 'decoder': 3e6, 'optimizer': 1e6}
  return {
    'config': 'iwae_binary_mnist',
    'draws': draws,
    'parts': parts,
    'versions': {'jax': '0.10'},
    'plain': {'flops': 3e6 * (1 + draws) + flops, 'temporary_bytes': plain},
    'remat': {'flops': 4e6 * (1 + draws), 'temporary_bytes': remat},
  }


def test_bounds_stand_beside_published_ones_and_those_of_5000_draws_are_less_by_what_was_measured():
  said = report.bounds([bound('vae_binary_mnist'), bound('ladder_mnist', cpu_minutes=None)])
  assert (
    '| `vae_binary_mnist` | 99.00 ± 0.25 | 95.50 ± 0.24 (K = 200) | 95.00 (by 0.50 ± 0.02 less) | 86.8 |'
    in said
  )
  assert '| 1,234 | 12,000 x 128 | 1 | 1.5 | 0 |' in said and '| 1,234 | 12,000 x 128 | 1 | - | 0 |' in said
  assert '98.0 (101.0) at 6,000' in said


def test_the_line_of_rate_and_distortion_is_that_of_the_least_sum(tmp_path):
  rows = [point(3.0, 5.0, 25.0), point(0.1, 30.0, 10.0), point(1.0, 12.0, 15.0)]
  said = report.trade(rows)
  assert 'least at beta = 1: 27.00 ± 0.30' in said
  assert said.index('| 0.1 |') < said.index('| 1 |') < said.index('| 3 |')
  rate_distortion.picture(rows, tmp_path / 'picture.png')
  assert (tmp_path / 'picture.png').stat().st_size > 1000


def test_what_is_said_of_cost_is_what_the_rows_hold():
  assert cost.expected(step(5, 1, 1)) == 18e6
  flat = [step(1, 100, 100), step(5, 500, 120), step(50, 5000, 121)]
  said = report.verdict(flat)
  assert (
    'optimizer? Yes.' in said and 'with `config.remat`? Yes: from K = 5 to 50 it grows 1.01 times' in said
  )
  assert 'without, 10.00 times' in said
  mebibyte = 2**20
  said = report.verdict([step(5, 1, mebibyte, flops=0.9e6), step(50, 1, 10 * mebibyte)])
  assert 'No, more by 5.0 % at K = 5:' in said and '10.00 times, by 0.20 MiB a draw' in said


def test_a_page_has_the_parts_that_there_are():
  said = report.page([], [point(1.0, 12.0, 15.0)], [step(1, 1, 1), step(5, 2, 1)])
  assert said.count('\n## ') == 2 and 'Binarized' not in said


@pytest.mark.parametrize('name', CONFIGS)
def test_a_longer_run_is_another_one_which_looks_and_saves_as_often(name):
  config = config_files.load(name)
  short, long = changes(name, 1), dict(option.split('=') for option in changes(name, 4))
  assert all(option.startswith('--config.eval_every=') for option in short)
  assert long['--config.num_steps'] == str(4 * config.num_steps)
  assert long['--config.checkpoint_every'] == str(4 * config.checkpoint_every)
  assert int(long['--config.eval_every']) % config.steps_per_dispatch == 0
  names = {run_name(name, longer, redrawn) for longer in (1, 4) for redrawn in (1, 100)}
  assert len(names) == 4 and run_name(name, 1, 1) == name
  assert changes(name, 4, 100) == [*changes(name, 4), '--config.data.binarized_draws=100']
  assert name in report.PUBLISHED


def test_a_curve_is_in_nats_and_of_averaged_weights(tmp_path):
  config = config_files.load('vae_binary_mnist')
  config.data.fields = {'x': {'kind': 'image', 'shape': (28, 28, 1), 'levels': 2}}
  writer = MetricsWriter(tmp_path)
  for weights, bits in (('raw', 0.5), ('averaged', 0.2)):
    writer.write(
      {'step': 50, 'split': 'validation', 'weights': weights, 'bits_per_dim': bits, 'elbo_bits_per_dim': 0.25}
    )
  writer.close()
  ((at, elbo, nats),) = reached.curve(tmp_path, config)
  assert at == 50
  np.testing.assert_allclose((elbo, nats), (196 * np.log(2), 156.8 * np.log(2)))


def test_a_part_or_a_factor_that_is_none_is_one_sentence(monkeypatch, capsys):
  for option, what in (
    ('--parts=tables', '"tables" is none of'),
    ('--longer=0.5', '"0.5" is no whole number'),
  ):
    monkeypatch.setattr('sys.argv', ['vae_mnist', option])
    with pytest.raises(SystemExit, match='2'):
      arguments.run(main)
    said = capsys.readouterr().err
    assert said.count('\n') == 1 and said.startswith('jaxgen: ') and what in said
