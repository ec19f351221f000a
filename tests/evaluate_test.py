import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data, evaluate, train
from jaxgen.errors import UserError
from jaxgen.metrics import results
from jaxgen.metrics.features import Reference, extraction
from jaxgen.types import Field
from tests import tiny_model
from tests.tiny_config import get_config


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  path = tmp_path_factory.mktemp('evaluate') / 'run'
  train.train(get_config('smoke'), path)
  return path


def test_every_example_of_a_split_counts_once():
  """300 test examples in batches of 64: the last batch is filled up, and its filling must not count."""
  config = data.resolve(get_config())
  model = tiny_model.build(config)
  test = data.load(config.data, 'test')
  params = {'logits': jnp.asarray(np.random.RandomState(0).randn(8, 8, 1, 17), jnp.float32)}
  x = test.examples(np.arange(len(test)))['x']
  assert len(x) % 64
  whole = model.evaluate(params, {}, None, {'x': x})['nll']
  found = evaluate.evaluator(model, test, 64)(params, {})
  np.testing.assert_allclose(found['nll'], np.mean(np.asarray(whole), dtype=np.float64), rtol=1e-6)


def test_a_run_is_measured_by_what_its_model_can_do(workdir, capsys):
  records = {record.metric: record for record in evaluate.evaluate(workdir, get_config('smoke'))}
  out = capsys.readouterr().out
  assert {'bits_per_dim', 'frechet_distance', 'kernel_distance', 'precision', 'sharpness'} <= set(records)
  assert 'reconstruction_error' not in records  # the model cannot encode
  assert records['bits_per_dim'].kind == 'exact'
  assert (records['bits_per_dim'].n_reference, records['bits_per_dim'].split) == (300, 'test')
  assert records['precision'].n_generated == 1482
  assert records['precision'].weights == 'averaged'
  assert out.count('bits_per_dim') == 1
  assert [
    record._replace(versions=dict(record.versions)) for record in results.read(workdir / 'results.jsonl')
  ] == list(records.values())


def test_the_config_chooses_the_measures_and_a_likelihood_needs_no_features(workdir, monkeypatch):
  monkeypatch.setitem(extraction._KINDS, 'classifier', None)
  config = get_config('smoke')
  config.evaluation.metrics = ('bits_per_dim',)
  (record,) = evaluate.evaluate(workdir, config)
  assert record.metric == 'bits_per_dim'


@pytest.mark.parametrize(
  ('changes', 'name'),
  [
    ({'binarized': True}, 'digits, statically binarized'),
    ({'image_size': 4, 'binarized': True}, 'digits at 4, statically binarized'),
    ({}, 'digits'),
  ],
)
def test_a_number_is_of_data_by_all_that_was_done_to_them(changes, name):
  config = get_config()
  config.data.update(changes)
  reference = evaluate.reference_of(config)
  assert reference.name == name
  assert ('statically binarized' in reference.test.name) == bool(changes)


def test_a_run_that_knows_no_mask_is_measured_by_all_entries_and_one_that_knows_one_by_no_other_data():
  x = {'x': Field('tokens', (3,), 7)}
  masked = {**x, 'observed': Field('mask', (3,), 2)}
  plain = Reference('text:mine', x, None, None)
  assert evaluate._as_seen(plain._replace(spec=masked), x).spec == x
  assert evaluate._as_seen(plain._replace(spec=masked), masked).spec == masked
  assert evaluate._as_seen(plain, x).spec == x
  with pytest.raises(UserError, match='text:mine has no mask "observed", and the run has learned by one'):
    evaluate._as_seen(plain, masked)


def test_the_validation_split_is_measured_by_its_name(workdir, capsys):
  config = get_config('smoke')
  config.evaluation.metrics = ('bits_per_dim',)
  (record,) = evaluate.evaluate(workdir, config, split='validation')
  assert (record.split, record.n_reference) == ('validation', 15)
  out = capsys.readouterr().out
  assert '15 examples of validation' in out
  assert f'Measured on {data.load(config.data, "validation").name}.' in out
  with pytest.raises(UserError, match='--split=train is not held out of training; give test or validation'):
    evaluate.evaluate(workdir, config, split='train')


@pytest.mark.parametrize(
  ('changes', 'sentence'),
  [
    ({'metrics': ('fid',)}, r"evaluation.metrics=\('fid',\) cannot be used; .* one of: bits_per_dim"),
    ({'features': 'inceptoin'}, 'evaluation.features="inceptoin" cannot be used; .* one of: auto'),
  ],
)
def test_unknown_names_are_refused_before_any_work(workdir, monkeypatch, changes, sentence):
  monkeypatch.setattr(evaluate, 'reference_of', None)
  config = get_config('smoke')
  config.evaluation.update(changes)
  with pytest.raises(UserError, match=sentence):
    evaluate.evaluate(workdir, config)


@pytest.mark.parametrize(
  ('metrics', 'sentence'),
  [
    (
      ('reconstruction_error',),
      'reconstruction_error needs decode, encode; tests.tiny_model on digits allows',
    ),
    (
      ('fid',),
      r"config.evaluation.metrics=\('fid',\) cannot be used; it must be a tuple of entries, each one of",
    ),
    (('frechet_distance',), 'too few for the covariance'),
  ],
)
def test_what_cannot_be_measured_is_said(workdir, metrics, sentence):
  config = get_config('smoke')
  config.evaluation.metrics = metrics
  config.evaluation.num_samples = 16
  with pytest.raises(UserError, match=sentence):
    evaluate.evaluate(workdir, config)


def test_a_workdir_without_a_checkpoint_is_said(tmp_path):
  with pytest.raises(UserError, match='holds no run; train one there first'):
    evaluate.evaluate(tmp_path)
