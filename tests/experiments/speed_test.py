"""The parts of the benchmark that hold without PyTorch: its cases, its workers, its tables."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from experiments.speed import table, twins
from experiments.speed.cases import CASES, settings
from experiments.speed.worker import Worker, seconds_per_call
from jaxgen import experiment

TWINS = Path(twins.__path__[0])


@pytest.mark.parametrize('case', CASES.values(), ids=list(CASES))
def test_a_case_is_a_config_that_builds_and_has_a_twin(case):
  config = settings(case)
  model = experiment.build_model(config)
  assert model.log_prob or model.sample
  assert config.data.fields.x.shape == case.shape
  assert (TWINS / f'{case.twin}.py').is_file()


def test_digits_cases_see_what_the_digits_are():
  config = settings(CASES['vae_digits'])
  batch = {'x': jax.ShapeDtypeStruct((2, 8, 8, 1), jnp.uint8)}
  params, _ = jax.eval_shape(experiment.build_model(config).init, jax.random.key(0), batch)
  assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 268_814  # as in the table


def row(ours, theirs, **compiled):
  times = {'jaxgen': ours, 'torch': theirs, 'spread': 0.1, **compiled}
  versions = {'jaxgen': {'jax': '0.1', 'threads': 2}, 'torch': {'torch': '2.0', 'threads': 2}}
  first = {'jaxgen': 9.0, 'jaxgen, cached': 2.0, 'torch': 1.0}
  return {'versions': versions, 'parameters': 1234, 'first_step': first, 'train': times, 'sample': times}


def test_rows_are_kept_and_shown_with_their_ratio(tmp_path, monkeypatch):
  monkeypatch.setattr(table, 'FOLDER', tmp_path)
  monkeypatch.setattr(table, 'processor', lambda: 'Intel(R) Xeon(R) Processor')
  table.Results('0.1').add('models', 'one', row(0.002, 0.004))
  table.Results('0.1').add('models', 'two', row(3.0, 2.0, **{'torch, compiled': 1.5}))
  table.Results('0.1').add('run', 'one', {'bare': 0.01, 'run': 0.0125})
  phases = {'import': {'seconds': 1.0, 'cpu': 0.5}, 'compile': {'seconds': 3.0, 'cpu': 4.0}}
  table.Results('0.1').add('waiting', 'one', {'cold': phases, 'cached': phases})
  text = (tmp_path / 'jax-0.1-intel-xeon.md').read_text()
  assert '| one | empty | 1.0 (0.5) | 3.0 (4.0) | 4.0 (4.5) |' in text
  assert '| one | 1,234 | 2 | 4 | – | **0.50** |' in text
  assert '| two | 1,234 | 3,000 | 2,000 | 1,500 | **2.00** |' in text  # against the faster
  assert '| one | 100.0 | 80.0 | **0.800** |' in text


def test_a_worker_that_dies_is_noticed(capfd):
  died = pytest.raises(RuntimeError, match='exit code 1')
  with Worker(sys.executable, 'experiments.speed.first_step') as worker, died:
    worker.ask(do='what nobody can')
  assert 'what nobody can' in capfd.readouterr().err


def test_seconds_per_call_counts_the_wait():
  calls = []
  seconds = seconds_per_call(lambda: calls.append(1), 0.0, lambda: calls.append('waited'))
  assert calls == [1, 1, 'waited']
  assert seconds > 0
