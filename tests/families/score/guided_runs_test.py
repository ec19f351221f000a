"""A run that was trained without labels, and is guided by another one whenever that is asked for."""

import json
import sys

import pytest

from jaxgen import config_files, process, train
from jaxgen import main as command_line
from jaxgen.runs import workdir as workdirs

SAMPLE = '--mode=sample', '--use=samples', '--num=3'


@pytest.fixture(scope='module')
def home(tmp_path_factory):
  home = tmp_path_factory.mktemp('runs')
  for name in ('classifier_digits', 'ncsn_digits'):
    config = config_files.load(f'{name}:smoke')
    config.update(dict(num_steps=2, eval_every=0, sample_every=0))
    train.train(config, home / name)
  return home


@pytest.fixture
def call(home, monkeypatch):
  def run(*arguments, workdir='ncsn_digits'):
    monkeypatch.setattr(process, 'set_up', lambda: None)
    monkeypatch.setattr(sys, 'argv', ['jaxgen', f'--workdir={home / workdir}', *arguments])
    return command_line.main()

  return run


@pytest.mark.slow
def test_a_trained_model_is_guided_by_a_classifier_and_without_it_is_what_it_was(home, call, capsys):
  guide = f'--config.stages.classifier={home / "classifier_digits"}'
  assert call(*SAMPLE, guide, '--given.label=3', '--knobs.guidance=2', '--knobs.steps=2') == 0
  record = json.loads((home / 'ncsn_digits' / 'sampled' / 'samples.json').read_text())
  assert (record['given'], record['knobs']['guidance']) == ({'label': [3]}, 2.0)
  assert record['sampler']['classifier'].endswith(' of step 2')
  assert call(guide, '--config.num_steps=4') == 0  # it trains on, and draws guided samples as it ends
  assert workdirs.load_config(home / 'ncsn_digits').stages.classifier == ''
  assert not (home / 'ncsn_digits' / 'stages.json').exists()
  assert call(*SAMPLE, '--knobs.steps=2') == 0
  assert call(*SAMPLE, '--given.label=3') == 2
  assert '--given.label cannot be followed' in capsys.readouterr().err
  assert call(*SAMPLE, f'--config.stages.classifier={home / "ncsn_digits"}') == 2
  assert 'is built on this run itself' in capsys.readouterr().err
  assert call('--mode=sample', workdir='classifier_digits') == 2
  assert 'nothing to draw' in capsys.readouterr().err
  assert call('--mode=evaluate', workdir='classifier_digits') == 0
  assert 'accuracy' in capsys.readouterr().out
