"""One contract for every experiment in `configs/`, at its preset ':smoke': it trains, resumes exactly, evaluates, draws
samples, and can do what its model says it can do. A new config is found by itself.

One config of each family is tested always, the others are slow tests, and what a model can do is tried with one config
of each model; what can be told by shapes alone is told for all of them in `shapes_test.py`.
"""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

from jaxgen import data, evaluate, fields, show, train, uses
from jaxgen.config import defaults
from jaxgen.loop import preparation
from jaxgen.runs import writers
from jaxgen.runs.checkpoint_reader import Reader
from jaxgen.uses.samples import sampler
from tests.contracts.configs import CONFIGS, load_module, one_per_family, one_per_module, prepared

TOP_KEYS = {*defaults().keys(), 'discriminator_optimizer', 'sampler'}
QUICK = one_per_family()


def _params(names):
  """Those of one config stay with one worker, which has trained it."""
  slow = {name: () if name in QUICK else (pytest.mark.slow,) for name in names}
  return [pytest.param(name, marks=(*slow[name], pytest.mark.xdist_group(name))) for name in names]


one_of_each_model = pytest.mark.parametrize('run', _params(one_per_module()), indirect=True)


class FirstExamples:
  """The beginning of a split, so that the contract is quick on large sets too."""

  def __init__(self, source, size):
    self.examples, self._size = source.examples, min(size, len(source))

  def __len__(self):
    return self._size


class Run(NamedTuple):
  """A finished run of four steps; `setting` and `start` are what it was trained with: programs that are traced."""

  config: Any
  workdir: Path
  state: Any
  setting: preparation.Setting
  start: Any


@pytest.fixture(scope='module', params=_params(CONFIGS))
def run(request, tmp_path_factory):
  home = tmp_path_factory.mktemp('contracts')
  config, workdir = prepared(request.param, home), home / 'run'
  seen = {}

  def kept(name):
    make = getattr(preparation, name)
    return lambda *args: seen.setdefault(name, make(*args))

  with pytest.MonkeyPatch.context() as patch:
    for name in ('prepare', 'trace'):
      patch.setattr(train, name, kept(name))
    if request.param not in QUICK:
      patch.setattr(show, 'curves', lambda *_: None)  # a second for each run, whatever its config
    state = train.train(config, workdir)
  return Run(config, workdir, state, seen['prepare'], seen['trace'])


def test_training_leaves_finite_parameters_that_moved(run):
  """From the checkpoint half-way."""
  assert int(run.state.step) == 4
  like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), run.state)
  before, _ = Reader(run.workdir / 'checkpoints').restore(like, 2)
  before, state = jax.device_get((before, run.state))
  assert any(jax.tree.leaves(jax.tree.map(lambda a, b: np.any(a != b), before.params, state.params)))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, state.extra)))


def test_rows_hold_a_loss_and_nothing_that_is_not_a_number(run):
  rows = writers.read(run.workdir)
  assert [row['step'] for row in rows if row['split'] == 'train'] == [2, 4]
  assert all('loss' in row for row in rows if row['split'] == 'train')
  assert all(np.isfinite(value).all() for row in rows for value in row.values() if not isinstance(value, str))


def test_a_resumed_run_is_the_same_run(run, request, tmp_path, capsys, monkeypatch):
  """Killed after the checkpoint half-way, whatever its schedule. That tracing anew gives the same program, one config
  of each family shows; the others go on with the one that they have."""
  shutil.copytree(run.workdir, tmp_path / 'half')
  shutil.rmtree(tmp_path / 'half' / 'checkpoints' / '4')
  config = run.config.copy_and_resolve_references()
  config.update(dict(eval_every=0, sample_every=0))
  if request.node.callspec.params['run'] not in QUICK:
    monkeypatch.setattr(
      train, 'prepare', lambda config, folder, _: run.setting._replace(config=config, workdir=folder)
    )
    monkeypatch.setattr(train, 'trace', lambda _: run.start)
  resumed = train.train(config, tmp_path / 'half')
  assert 'resumed  at step 2 of 4' in capsys.readouterr().out
  jax.tree.map(np.testing.assert_array_equal, *jax.device_get((run.state, resumed)))


@one_of_each_model
def test_evaluation_gives_finite_terms(run):
  model = run.setting.model
  test = FirstExamples(data.load(run.config.data, 'test'), 20)
  terms = evaluate.evaluator(model, test, run.config.batch_size)(run.state.params, run.state.extra)
  assert terms
  assert model.selected_by in ('', *terms)
  assert all(np.isfinite(value).all() for value in terms.values())
  estimate = model.log_prob_estimate
  assert ('bits_per_dim' in terms) == bool(estimate and not estimate.is_slow)


@one_of_each_model
def test_samples_are_what_the_data_layer_gives(run):
  """Of the run that is read back, as many as it drew itself: what is compiled for these is found in the cache."""
  if run.setting.model.sample is None:
    pytest.skip('it draws nothing')
  written = uses.use(run.workdir, options=uses.Options(num=run.config.num_samples))
  given, field = run.setting.model.given, fields.of(run.setting.config)['x']
  with np.load(written['samples.npz']) as arrays:
    x = arrays['x']
    assert {'step', 'kind', 'levels'} <= set(arrays)
    assert set(arrays) & fields.of(run.setting.config).keys() == {'x', *given}
  assert x.shape == (run.config.num_samples, *field.shape)
  assert x.dtype == fields.dtype(field)
  if field.levels:
    assert x.max() < field.levels
  for path in written.values():
    assert path.stat().st_size > 0


@one_of_each_model
def test_what_the_model_says_it_can_do_it_can(run):
  model, params, extra = run.setting.model, run.state.params, run.state.extra
  field, rng = fields.of(run.setting.config)['x'], jax.random.key(0)
  batch = data.load(run.config.data, 'test').examples(np.arange(4))
  assert model.objective.startswith('loss = ')
  assert (model.log_prob is None) == (model.log_prob_estimate is None)
  if model.log_prob:
    log_prob = jax.jit(model.log_prob)(params, extra, rng, batch)
    assert log_prob.shape == (4,)
    assert np.isfinite(log_prob).all()
    _check_estimate(
      model, lambda rng, batch: jax.jit(model.log_prob)(params, extra, rng, batch), log_prob, batch
    )
  given = {name: batch[name] for name in model.given} or None
  if model.encode:
    latents = jax.jit(model.encode)(params, extra, rng, batch)
    assert all(leaf.shape[0] == 4 for leaf in jax.tree.leaves(latents))
    again = np.asarray(jax.jit(model.decode)(params, extra, latents, given))
    assert again.shape == batch['x'].shape
    assert again.dtype == batch['x'].dtype
  if model.trajectory:
    stages = np.asarray(jax.jit(model.trajectory, static_argnums=3)(params, extra, rng, 4, given))
    assert stages.shape[1:] == (4, *field.shape)
    assert stages.shape[0] > 1


def _check_estimate(model, log_prob, first, batch):
  """It is random, and needs a condition, where and only where it says so."""
  estimate = model.log_prob_estimate
  again = log_prob(jax.random.key(1), batch)
  is_random = estimate.importance_samples or estimate.probes or estimate.noise_draws
  assert np.any(np.asarray(again) != first) == bool(is_random)
  if estimate.given:
    with pytest.raises(ValueError, match=estimate.given[0]):
      log_prob(jax.random.key(0), {'x': batch['x']})
  else:
    other = {**batch, 'label': (batch['label'] + 1) % 10} if 'label' in batch else batch
    np.testing.assert_array_equal(log_prob(jax.random.key(0), other), first)


@one_of_each_model
def test_same_key_same_samples(run):
  """And another key others, by shaken weights: after four steps a decoder may give one grey whatever the key."""
  model, start, num = run.setting.model, (_shaken(run.state.params), run.state.extra), run.config.num_samples
  if model.sample is None:
    pytest.skip('it draws nothing')
  batch = data.load(run.config.data, 'test').examples(np.arange(num))
  given = {name: batch[name] for name in model.given} or None
  draw = sampler(model, num, seed=5)
  first = draw(*start, given)
  np.testing.assert_array_equal(first, draw(*start, given))
  assert not np.array_equal(first, sampler(model, num, seed=6)(*start, given))


def _shaken(params):
  """With normal noise on each array, of twice the spread that it has."""
  rng = np.random.default_rng(3)

  def shaken(leaf):
    value = np.asarray(leaf)
    noisy = value + 2 * value.std() * rng.standard_normal(value.shape, np.float32)
    return jax.device_put(noisy, leaf.sharding)

  return jax.tree.map(shaken, params)


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_says_what_it_is(name):
  module = load_module(name)
  text = module.__doc__
  assert f'--config=configs/{name}.py' in text
  assert 'TO MEASURE' not in text, 'a config states the time and the number that were measured'
  config = module.get_config()
  assert set(config.keys()) <= TOP_KEYS
  assert config.module.startswith('jaxgen.models.')
