"""Runs of score models from end to end: how one is sampled is decided after its training."""

import json
import sys

import pytest

from jaxgen import config_files, process, train
from jaxgen import main as command_line
from jaxgen.metrics import results
from jaxgen.runs import workdir as workdirs
from jaxgen.uses import score_field


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  workdir = tmp_path_factory.mktemp('run')
  config = config_files.load('ncsn_toy:smoke')
  config.update(dict(eval_every=0, sample_every=0))
  train.train(config, workdir)
  return workdir


@pytest.fixture
def call(trained, monkeypatch):
  def run(*arguments):
    monkeypatch.setattr(process, 'set_up', lambda: None)
    monkeypatch.setattr(sys, 'argv', ['jaxgen', f'--workdir={trained}', *arguments])
    return command_line.main()

  return run


SAMPLE = '--mode=sample', '--use=samples', '--num=3'
OTHER = '--config.sampler.name=predictor_corrector', '--config.sampler.predictor_corrector.num_steps=3'


def test_a_trained_model_is_sampled_by_another_sampler_and_its_record_says_so(call, trained):
  assert call(*SAMPLE, *OTHER) == 0
  record = json.loads((trained / 'sampled' / 'samples.json').read_text())
  assert record['sampler'] == {
    'name': 'predictor_corrector',
    'guidance': 1.0,
    'num_steps': 3,
    'rho': 0.0,
    'sigma_max': 0.0,
    'sigma_min': 0.0,
    'signal_to_noise': 0.16,
    'corrector_steps': 1,
  }
  assert record['knobs'] == {'steps': 3, 'temperature': 1.0}
  assert workdirs.load_config(trained).sampler.name == 'heun'  # the run is what it was


def test_completions_have_a_sampler_of_their_own_and_numbers_say_what_drew_the_samples(call, trained):
  few = '--config.sampler.predictor_corrector.num_steps=3', '--config.sampler.completion.num_resamplings=2'
  assert call('--mode=sample', '--use=completion', '--num=3', *few) == 0
  record = json.loads((trained / 'sampled' / 'completion.json').read_text())['sampler']
  assert (record['name'], record['num_steps'], record['num_resamplings']) == ('predictor_corrector', 3, 2)
  distance = "--config.evaluation.metrics=('frechet_distance',)", '--config.evaluation.num_samples=20'
  assert call('--mode=evaluate', *distance, '--config.sampler.name=ddim') == 0
  line = (trained / 'results.jsonl').read_text().splitlines()[-1]
  assert json.loads(line)['sampler'] == (
    'name=ddim, guidance=1.0, eta=0.0, num_steps=50, rho=0.0, sigma_max=0.0, sigma_min=0.0'
  )


def test_fewer_steps_than_a_stretch_of_repaint_has_are_refused_before_anything_is_drawn(
  call, trained, capsys
):
  repaint = '--config.sampler.completion.sampler=heun', '--config.sampler.completion.num_resamplings=2'
  knob = '--config.sampler.completion.jump_length=9', '--knobs.steps=8', '--num=3'
  before = {path: path.read_bytes() for path in trained.rglob('sampled/*')}
  assert call('--mode=sample', '--use=samples,completion', *repaint, *knob) == 2
  assert '--knobs.steps=8 cannot be used: jump_length=9 is a stretch' in capsys.readouterr().err
  assert before == {path: path.read_bytes() for path in trained.rglob('sampled/*')}


def test_the_record_of_samples_says_one_number_of_steps(call, trained):
  assert call(*SAMPLE, *OTHER, '--knobs.steps=2') == 0
  record = json.loads((trained / 'sampled' / 'samples.json').read_text())
  assert record['sampler']['num_steps'] == record['knobs']['steps'] == 2


def test_over_a_density_that_is_known_nothing_is_drawn_and_the_record_names_no_sampler(
  call, trained, monkeypatch
):
  monkeypatch.setattr(score_field, '_FRAMES', 2)
  assert call('--mode=sample', '--use=score_field', '--num=3') == 0
  assert json.loads((trained / 'sampled' / 'score_field.json').read_text())['sampler'] == {}


def test_a_run_goes_on_with_another_sampler(call, trained):
  assert call(*OTHER) == 0


def test_what_training_computes_cannot_be_changed_with_it(call, capsys):
  assert call(*SAMPLE, *OTHER, '--config.model.path.variance_exploding.sigma_max=9') == 2
  assert 'another config (model.path.variance_exploding.sigma_max' in capsys.readouterr().err


def test_an_older_run_is_sampled_as_it_was_and_by_what_there_is_now(call, trained):
  """Its config knew one path, Heun's method by another name, and no more than three ways."""
  path = trained / 'config.json'
  now = json.loads(path.read_text())
  model = {
    name: now['model'][name]
    for name in ('width', 'depth', 'frequencies', 'target', 'sigma_data')
    if name in now['model']
  }
  levels = now['model']['path']['variance_exploding']
  ways = {'name': 'annealed', 'annealed': {'steps_per_level': 2}, 'probability_flow': {'num_steps': 3}}
  older = now | {'model': model | levels | {'ode_steps': 4, 'sampler': ways}}
  path.write_text(json.dumps({name: value for name, value in older.items() if name != 'sampler'}))
  record = lambda: json.loads((trained / 'sampled' / 'samples.json').read_text())['sampler']  # noqa: E731
  try:
    assert call(*SAMPLE) == 0
    assert (record()['name'], record()['steps_per_level']) == ('annealed', 2)
    assert call(*SAMPLE, '--config.sampler.name=heun') == 0
    ends = {'sigma_max': 0.0, 'sigma_min': 0.0}
    assert record() == {'name': 'heun', 'guidance': 1.0, 'num_steps': 3, 'rho': 7.0, **ends}
    assert call(*SAMPLE, *OTHER) == 0
  finally:
    path.write_text(json.dumps(now))


def test_a_trained_model_is_measured_by_another_likelihood_and_its_record_says_so(call, trained):
  closer = '--config.model.likelihood.ode.tolerance=0.1', '--config.model.likelihood.ode.end=0.4'
  assert call('--mode=evaluate', '--config.evaluation.metrics=kl_data_model', *closer) == 0
  record = results.read(trained / 'results.jsonl')[-1]
  assert (record.tolerance, record.ode_steps, record.probes, record.smallest_noise) == (0.1, 2000, 0, 0.4)
