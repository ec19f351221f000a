"""One contract for every experiment in `configs/`, at its preset ':smoke': it trains, resumes exactly, evaluates, draws
samples, and can do what its model says it can do. A new config is found by itself.

One config of each family is tested always, the others are slow tests, and what a model can do is tried with one config
of each model; what can be told by shapes alone is told for all of them in `shapes_test.py`.
"""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import beginning, data, evaluate, experiment, fields, train, uses
from jaxgen.config import defaults
from jaxgen.runs import writers
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


@pytest.fixture(scope='module', params=_params(CONFIGS))
def run(request, tmp_path_factory):
  """A finished run of four steps, and its folder."""
  home = tmp_path_factory.mktemp('contracts')
  config, workdir = prepared(request.param, home), home / 'run'
  state = train.train(config, workdir)
  return config, workdir, state


def test_training_leaves_finite_parameters_that_moved(run):
  config, workdir, state = run
  assert int(state.step) == 4
  first = experiment.load(workdir)
  start = beginning.first_state(
    first.model, first.config, beginning.first_batch(data.load(config.data, 'train'), config)
  )
  moved = jax.tree.map(lambda a, b: bool(jnp.any(a != b)), start.params, state.params)
  assert any(jax.tree.leaves(moved))
  assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((state.params, state.extra)))


def test_rows_hold_a_loss_and_nothing_that_is_not_a_number(run):
  _, workdir, _ = run
  rows = writers.read(workdir)
  assert [row['step'] for row in rows if row['split'] == 'train'] == [2, 4]
  assert all('loss' in row for row in rows if row['split'] == 'train')
  assert all(np.isfinite(value).all() for row in rows for value in row.values() if not isinstance(value, str))


def test_a_resumed_run_is_the_same_run(run, tmp_path, capsys):
  """Killed after the checkpoint half-way, whatever its schedule."""
  config, workdir, whole = run
  shutil.copytree(workdir, tmp_path / 'half')
  shutil.rmtree(tmp_path / 'half' / 'checkpoints' / '4')
  config = config.copy_and_resolve_references()
  config.update(dict(eval_every=0, sample_every=0))
  resumed = train.train(config, tmp_path / 'half')
  assert 'resumed  at step 2 of 4' in capsys.readouterr().out
  jax.tree.map(np.testing.assert_array_equal, jax.device_get(whole), jax.device_get(resumed))


@one_of_each_model
def test_evaluation_gives_finite_terms(run):
  config, workdir, _ = run
  trained = experiment.load(workdir)
  test = data.load(config.data, 'test')
  test = FirstExamples(test, 20)
  terms = evaluate.evaluator(trained.model, test, config.batch_size)(
    trained.state.params, trained.state.extra
  )
  assert terms
  assert trained.model.selected_by in ('', *terms)
  assert all(np.isfinite(value).all() for value in terms.values())
  estimate = trained.model.log_prob_estimate
  assert ('bits_per_dim' in terms) == bool(estimate and not estimate.is_slow)


@one_of_each_model
def test_samples_are_what_the_data_layer_gives(run):
  config, workdir, _ = run
  trained = experiment.load(workdir)
  if trained.model.sample is None:
    pytest.skip('it draws nothing')
  written = uses.use(workdir, options=uses.Options(num=3))
  field = fields.of(trained.config)['x']
  with np.load(written['samples.npz']) as arrays:
    x = arrays['x']
    assert {'step', 'kind', 'levels'} <= set(arrays)
    assert set(arrays) & fields.of(trained.config).keys() == {'x', *trained.model.given}
  assert x.shape == (3, *field.shape)
  assert x.dtype == fields.dtype(field)
  if field.levels:
    assert x.max() < field.levels
  for path in written.values():
    assert path.stat().st_size > 0


@one_of_each_model
def test_what_the_model_says_it_can_do_it_can(run):
  config, workdir, _ = run
  trained = experiment.load(workdir)
  model, params, extra = trained.model, trained.state.params, trained.state.extra
  field, rng = fields.of(trained.config)['x'], jax.random.key(0)
  batch = data.load(config.data, 'test').examples(np.arange(4))
  assert model.objective.startswith('loss = ')
  assert (model.log_prob is None) == (model.log_prob_estimate is None)
  if model.log_prob:
    log_prob = jax.jit(model.log_prob)(params, extra, rng, batch)
    assert log_prob.shape == (4,)
    assert bool(jnp.isfinite(log_prob).all())
    _check_estimate(
      model, lambda rng, batch: jax.jit(model.log_prob)(params, extra, rng, batch), log_prob, batch
    )
  if model.encode:
    latents = model.encode(params, extra, rng, batch)
    assert all(leaf.shape[0] == 4 for leaf in jax.tree.leaves(latents))
    given = {name: batch[name] for name in model.given} or None
    again = np.asarray(model.decode(params, extra, latents, given))
    assert again.shape == batch['x'].shape
    assert again.dtype == batch['x'].dtype
  if model.trajectory:
    given = {name: batch[name][:2] for name in model.given} or None
    stages = np.asarray(jax.jit(model.trajectory, static_argnums=3)(params, extra, rng, 2, given))
    assert stages.shape[1:] == (2, *field.shape)
    assert stages.shape[0] > 1


def _check_estimate(model, log_prob, first, batch):
  """It is random, and needs a condition, where and only where it says so."""
  estimate = model.log_prob_estimate
  again = log_prob(jax.random.key(1), batch)
  is_random = estimate.importance_samples or estimate.probes or estimate.noise_draws
  assert bool(jnp.any(again != first)) == bool(is_random)
  if estimate.given:
    with pytest.raises(ValueError, match=estimate.given[0]):
      log_prob(jax.random.key(0), {'x': batch['x']})
  else:
    other = {**batch, 'label': (batch['label'] + 1) % 10} if 'label' in batch else batch
    np.testing.assert_array_equal(log_prob(jax.random.key(0), other), first)


@one_of_each_model
def test_same_key_same_samples(run):
  """And another key others, by shaken weights: after four steps a decoder may give one grey whatever the key."""
  config, workdir, _ = run
  trained = experiment.load(workdir)
  model, start = trained.model, (_shaken(trained.state.params), trained.state.extra)
  if model.sample is None:
    pytest.skip('it draws nothing')
  batch = data.load(config.data, 'test').examples(np.arange(2))
  given = {name: batch[name] for name in model.given} or None
  draw = sampler(model, 2, seed=5)
  first = draw(*start, given)
  np.testing.assert_array_equal(first, draw(*start, given))
  assert not np.array_equal(first, sampler(model, 2, seed=6)(*start, given))


def _shaken(params):
  """With normal noise on each array, of twice the spread that it has."""
  leaves, structure = jax.tree.flatten(params)
  rngs = jax.random.split(jax.random.key(3), len(leaves))
  noise = [
    2 * leaf.std() * jax.random.normal(rng, leaf.shape) for rng, leaf in zip(rngs, leaves, strict=True)
  ]
  return structure.unflatten([leaf + more for leaf, more in zip(leaves, noise, strict=True)])


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_says_what_it_is(name):
  module = load_module(name)
  text = module.__doc__
  assert f'--config=configs/{name}.py' in text
  assert 'TO MEASURE' not in text, 'a config states the time and the number that were measured'
  config = module.get_config()
  assert set(config.keys()) <= TOP_KEYS
  assert config.module.startswith('jaxgen.models.')
