"""What a run says while it trains, and what that costs."""

import numpy as np
import pytest

from configs import gan_toy
from jaxgen import train
from jaxgen.data.densities.toy import DENSITIES
from jaxgen.loop.watch import modes_found
from jaxgen.runs import writers
from tests import tiny_config


def config_of(module, **changes):
  config = module.get_config('smoke')
  config.update(dict(num_steps=4, eval_every=0, sample_every=0, checkpoint_every=0, log_every=1))
  config.update_from_flattened_dict(changes)
  return config


def test_the_rows_of_a_run_are_not_read_again_at_every_evaluation(tmp_path, monkeypatch):
  """Of a long run they are megabytes."""
  read, reads = writers.read, {}
  for every in (1, 4):
    counted = []
    monkeypatch.setattr(writers, 'read', lambda path, counted=counted: counted.append(path) or read(path))
    config = config_of(tiny_config, eval_every=every, steps_per_dispatch=1)
    train.train(config, tmp_path / str(every))
    reads[every] = len(counted)
  assert reads[1] == reads[4]


@pytest.mark.parametrize('lost', [0, 3])
def test_lost_modes_are_said(lost):
  density = DENSITIES['grid_25']
  row, sentence = modes_found(np.repeat(density.modes[lost:], 30, axis=0), density)
  assert row == {'modes_covered': 25 - lost, 'close_to_modes': 1.0}
  assert sentence.startswith('cover 22 of 25 modes.' if lost else '') and bool(sentence) == bool(lost)
  between = np.concatenate([np.repeat(density.modes, 30, axis=0), np.full((750, 2), 9.0)])
  assert modes_found(between, density)[1].startswith(
    'cover all 25 modes, but 50% of them lie within three standard'
  )
  far = np.full((25, 2), 9.0)
  assert modes_found(far, density) == ({'modes_covered': 0, 'close_to_modes': 0.0}, '')  # too few to say


def test_of_data_without_modes_there_is_nothing_to_say():
  assert modes_found(np.zeros((9, 2)), DENSITIES['rings']) == modes_found(np.zeros((9, 8)), None) == ({}, '')


def test_a_run_says_which_modes_it_has_lost(tmp_path, capsys):
  train.train(config_of(gan_toy, sample_every=4, num_samples=200), tmp_path)
  (row,) = [row for row in writers.read(tmp_path) if row['split'] == 'samples' and row['weights'] == 'raw']
  assert f'the raw samples cover {row["modes_covered"]} of 8 modes' in capsys.readouterr().out
  assert 0 <= row['close_to_modes'] < 0.5
