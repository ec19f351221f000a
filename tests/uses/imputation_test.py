"""Rows without gaps, and their errors, by a model whose imputations are known."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import evaluate, train, uses
from jaxgen.data.tables import columns
from jaxgen.errors import UserError
from jaxgen.types import Field
from jaxgen.uses import Options, imputation
from tests.contracts.configs import smoke

NAMES = ('x', 'observed', 'truth', 'removed')
SPEC = {
  name: Field('table' if name in ('x', 'truth') else 'mask', (3,), 0 if name in ('x', 'truth') else 2)
  for name in NAMES
}
COLUMNS = columns.Columns(('a', 'b', 'c'), (10.0, 0.0, 0.0), (2.0, 1.0, 1.0), ((), ('no', 'yes'), ()))


def rows(num, seed, removed=0.4):
  """The second column is the sign of the first; the third is noise. A row keeps one value at least."""
  rng = np.random.default_rng(seed)
  first, third = rng.normal(size=(2, num))
  whole = np.stack([first, first > 0, third], 1).astype(np.float32)
  gaps = rng.random((num, 3)) < removed
  gaps[:, 2] &= ~gaps[:, :2].all(1)
  return {
    'x': np.where(gaps, 0, whole).astype(np.float32),
    'observed': (~gaps).astype(np.uint8),
    'truth': np.where(gaps, whole, 0).astype(np.float32),
    'removed': gaps.astype(np.uint8),
  }


def impute(params, extra, rng, batch, observed):
  """Half above the truth of numbers, and right of categories."""
  there = observed & (batch['observed'] != 0)
  return jnp.where(there, batch['x'], batch['truth'] + jnp.array([0.5, 0.0, 0.5]))


@pytest.fixture
def subject_of(make):
  def made(spec=SPEC, **options):
    arrays = {
      split: {k: v for k, v in rows(60, seed).items() if k in spec}
      for seed, split in enumerate(('train', 'validation', 'test'))
    }
    subject = make(spec, options=Options(use=('imputation',), **options), arrays=arrays, impute=impute)
    with subject.trained.config.unlocked():
      subject.trained.config.data.columns = COLUMNS.categories
    columns.save(subject.folder.parent, COLUMNS)
    return subject

  return made


def test_the_errors_of_what_was_removed_stand_beside_those_of_the_baselines(subject_of):
  subject = subject_of()
  written = imputation.run(subject)
  found = written.numbers['errors']
  assert found['model'] == {'rmse': pytest.approx(0.5, abs=1e-6), 'error_rate': 0.0}
  assert set(found) == {'model', 'column means', 'nearest neighbours'}
  arrays = subject.source('test').arrays
  gaps = arrays['removed'] != 0
  train = subject.source('train').arrays
  mean = train['x'].sum(0) / train['observed'].sum(0)
  expected = np.sqrt(np.mean(((mean - arrays['truth'])[:, [0, 2]][gaps[:, [0, 2]]]) ** 2))
  assert found['column means']['rmse'] == pytest.approx(expected, rel=1e-5)
  often = mean[1] > 0.5
  assert found['column means']['error_rate'] == pytest.approx(
    np.mean(arrays['truth'][gaps[:, 1], 1] != often)
  )
  assert found['nearest neighbours']['error_rate'] < found['column means']['error_rate']
  assert 'RMSE of numbers' in written.text and '0.5000' in written.text


def test_the_rows_are_written_without_gaps_in_their_own_units(subject_of):
  subject = subject_of()
  imputation.run(subject)
  with open(subject.folder / 'imputation.csv', newline='') as file:
    header, *found = csv.reader(file)
  assert header == ['a', 'b', 'c']
  assert len(found) == 60 and all(all(row) for row in found)
  arrays = subject.source('test').arrays
  seen = arrays['observed'][:, 0] != 0
  np.testing.assert_allclose(
    np.array([float(row[0]) for row in found])[seen], 10 + 2 * arrays['x'][seen, 0], rtol=1e-4
  )
  assert {row[1] for row in found} == {'no', 'yes'}


def test_where_the_truth_is_not_known_rows_are_filled_all_the_same(subject_of):
  def without_truth(params, extra, rng, batch, observed):
    return jnp.where(batch['observed'] != 0, batch['x'], 1.0)

  subject = subject_of({name: SPEC[name] for name in ('x', 'observed')})
  subject.model = subject.model._replace(impute=without_truth)
  written = imputation.run(subject)
  assert written.numbers == {'rows': 60}
  assert [path.name for path in written.files] == ['imputation.png', 'imputation.csv']


def test_a_model_that_cannot_impute_is_refused(make):
  make(options=Options(use=('imputation',)))
  with pytest.raises(uses.command.UserError, match='--use=imputation needs impute'):
    uses.use('run', options=Options(use=('imputation',)))


def test_columns_in_the_run_of_another_kind_of_data_are_refused(make):
  subject = make()
  columns.save(subject.folder.parent, COLUMNS)
  with pytest.raises(UserError, match='are not those of its model; put back its own columns.json'):
    _ = subject.columns


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """The folder of a run on 40 rows of a number and a word, and their file."""
  home = tmp_path_factory.mktemp('table')
  table = home / 'mine.csv'
  table.write_text(_rows(1))
  config = smoke('tabular_vae_wine')
  config.update(dict(num_steps=2, checkpoint_every=2, eval_every=0, sample_every=0, steps_per_dispatch=1))
  config.data.update(dict(name=f'table:{table}', missing=0.2))
  train.train(config, home / 'run')
  return home / 'run', table


def _rows(scale):
  rows = [f'{scale * row},{("a", "b")[row % 2]}' for row in range(40)]
  return '\n'.join(['length,letter', *rows])


@pytest.mark.parametrize('mode', ['use', 'evaluate'])
def test_a_table_that_has_changed_is_not_read_in_other_units(run, mode):
  workdir, table = run
  read = {
    'use': lambda: uses.use(workdir, options=Options(use=('imputation',), split='train')),
    'evaluate': lambda: evaluate.evaluate(workdir),
  }[mode]
  read()
  table.write_text(_rows(1000))
  try:
    with pytest.raises(UserError, match='The columns of .*mine.csv .* are not those in .*columns.json'):
      read()
  finally:
    table.write_text(_rows(1))


def test_rows_other_than_those_that_a_run_has_seen_are_refused(run):
  """The columns are the same: nothing but the note of what a run has seen tells."""
  workdir, _ = run
  note = workdir / 'data.json'
  before = note.read_text()
  seen = json.loads(before)
  note.write_text(json.dumps({**seen, 'train': {**seen['train'], 'sha256': '0' * 64}}))
  try:
    with pytest.raises(UserError, match=r'The data \(train\) are no longer those'):
      evaluate.evaluate(workdir)
  finally:
    note.write_text(before)
