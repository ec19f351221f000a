"""The table of score models, on numbers made up for it."""

import sys

import numpy as np

from experiments.scores import __main__ as scores
from experiments.scores.report import table
from jaxgen import config_files


def row(config='ddpm_digits', **metrics):
  found = {
    'bits_per_dim': 1.75,
    'frechet_to_test': 3.5,
    'frechet_to_train': 2.5,
    'precision': 0.75,
    'recall': 0.5,
  }
  return dict(
    config=config,
    seed=0,
    steps=2000,
    cpu_minutes=2.04,
    parameters=1000,
    objective='loss = 0',
    sampler='steps',
    evaluations=19,
    metrics=found | metrics,
    errors={'bits_per_dim': 0.0123, 'frechet_to_test': 0.1},
    protocols=dict.fromkeys(found, '9 samples with 3 examples of test, by x'),
    versions={'jax': '0'},
  )


def test_a_row_says_what_was_reached_and_what_it_cost():
  text = table([row()], 'digits')
  assert (
    '| `ddpm_digits` | 1,000 | 2,000 | 2.0 | 19 | 1.750 ± 0.012 | 3.500 | 2.500 | 0.750 | 0.500 |' in text
  )
  assert '- `ddpm_digits`: loss = 0.' in text


def test_the_digits_are_configs():
  assert set(scores.DIGITS) <= set(config_files.names())


def test_what_is_there_is_not_made_again(monkeypatch, tmp_path):
  """A row that was removed is made anew, no other; the table is of all."""
  made = []

  def measured(name, workdir):
    made.append(name)
    workdir.mkdir(parents=True)
    (workdir / 'curves.png').write_bytes(b'')
    return row(name)

  monkeypatch.setattr(scores, 'row', measured)
  monkeypatch.setattr(scores, 'wall', lambda workdirs: np.zeros((4, 4, 3), np.uint8))
  for configs, runs in (('ncsn_digits', 'a'), ('ncsn_digits,edm_digits', 'b')):
    line = ['', f'--configs={configs}', f'--runs={tmp_path / runs}', f'--out={tmp_path / "out"}']
    monkeypatch.setattr(sys, 'argv', line)
    (tmp_path / 'out').mkdir(exist_ok=True)
    scores.main()
  assert made == ['ncsn_digits', 'edm_digits']
  assert (tmp_path / 'out' / 'digits.md').read_text().count('CPU minutes |') == 1
  assert (tmp_path / 'out' / 'edm_digits_curves.png').exists()
