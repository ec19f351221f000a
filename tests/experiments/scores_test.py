"""The table of score models, on numbers made up for it."""

import sys

import numpy as np

from experiments import row_by_row
from experiments.scores import __main__ as scores
from experiments.scores.report import table
from jaxgen import config_files
from jaxgen.types import Estimate


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
    estimate=Estimate('lower bound', noise_draws=1, diffusion_levels=100, drawn_terms=9)._asdict(),
    errors={'bits_per_dim': 0.0123, 'frechet_to_test': 0.1},
    protocols=dict.fromkeys(found, '9 samples with 3 examples of test, by x'),
    versions={'jax': '0'},
  )


def test_a_row_says_what_was_reached_and_what_it_cost():
  text = table([row()], 'digits')
  assert (
    '| `ddpm_digits` | 1,000 | 2,000 | 2.0 | 19 | 1.750 ± 0.012 | 3.500 | 2.500 | 0.750 | 0.500 |' in text
  )
  assert '- `ddpm_digits`: loss = 0; bits' in text


def test_the_table_says_of_each_row_how_its_bits_are_estimated():
  along = Estimate('ODE estimate of a lower bound', ode_steps=2000, tolerance=0.1, smallest_noise=0.05)
  text = table([row(), row('edm_digits') | {'estimate': along._asdict()}], 'digits')
  assert 'bits per dimension: lower bound, 100 noise levels, 9 of their terms drawn, 1 noise draw.' in text
  assert 'ODE estimate of a lower bound, at most 2000 ODE steps, to 0.1 nats, to noise of 0.05.' in text
  assert 'along the' not in text


def test_there_are_minutes_only_of_a_run_whose_beginning_was_counted(monkeypatch, tmp_path):
  monkeypatch.setattr(
    row_by_row.subprocess, 'run', lambda command, check: (tmp_path / 'run').mkdir(exist_ok=True)
  )
  monkeypatch.setattr(scores, 'reached', lambda name, workdir, samples, held_out: {})
  first, again = (scores.row('edm_digits', tmp_path / 'run')['cpu_minutes'] for _ in range(2))
  assert first is not None and again is None
  assert '| 2,000 | - | 19 |' in table([row() | {'cpu_minutes': again}], 'digits')


def test_the_digits_are_configs():
  assert set(scores.DIGITS) <= set(config_files.names())


def test_what_is_there_is_not_made_again(monkeypatch, tmp_path):
  """A row that was removed is made anew, no other; the table is of all."""
  made = []

  def measured(name, workdir, samples, held_out):
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
