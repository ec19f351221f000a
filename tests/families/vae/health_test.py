"""What the latents of an autoencoder hold, by hand, and a sentence for what is wrong with them."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from configs import vae_digits
from jaxgen import evaluate, train
from jaxgen.data.source import from_arrays
from jaxgen.families.vae import LIKELIHOODS, class_conditional, diagonal_gaussian, elbo, standard_normal, vae
from jaxgen.families.vae.health import health, summary
from jaxgen.runs import writers
from jaxgen.types import DATA_AXIS, Field, State

FINE = {'kl': 12.0, 'dead_latents': 0.2, 'bound_gap': 2.0}
# what is bad -> changes of the held-out row, and the sentence
BAD = {
  'the prior': (
    {'kl': 0.03, 'bound_gap': 0.0},
    'The KL is 0.03 nats: the posterior has collapsed to the prior',
  ),
  'dead': (
    {'dead_latents': 0.98},
    '98% of the latents are the same for all examples, .* KL of 12 nats.*collapsed',
  ),
  'loose': ({'bound_gap': 14.0}, '14 nats beneath the importance-weighted one, of a KL of 12 nats'),
}


def test_a_healthy_autoencoder_is_not_worth_a_word():
  assert health({}, FINE, {}) == []
  assert health({}, {'kl': 12.0, 'dead_latents': 0.0}, {}) == []  # on intensities no bound is known
  # 19 active units of 50: Burda et al. (2016), table 1, one layer
  assert health({}, {'kl': 25.0, 'dead_latents': 1 - 19 / 50, 'bound_gap': 2.0}, {}) == []


@pytest.mark.parametrize('name', BAD)
def test_what_is_bad_is_said(name):
  changes, sentence = BAD[name]
  (found,) = health({}, FINE | changes, {})
  assert re.search(sentence, found)


def test_active_units_are_those_whose_mean_varies():
  mean = np.random.default_rng(0).normal(3.0, np.sqrt([0.02, 0.005, 4.0]), (5000, 3))
  terms = {'kl': np.float64(1.5), 'latent_mean': mean.mean(0), 'latent_square': (mean**2).mean(0)}
  found = summary(terms)
  assert found.keys() == {'kl', 'active_units', 'dead_latents'}
  assert (found['active_units'], found['dead_latents']) == (2, pytest.approx(1 / 3))


class Encoder(nn.Module):
  @nn.compact
  def __call__(self, x, given, train):
    return jnp.split(nn.Dense(4, name='out')(x), 2, -1)


class Center(nn.Module):
  """z of any latents, and a log-variance of 0: that of the label in a table, and of as many numbers of x."""

  dim: int
  hears: bool

  @nn.compact
  def __call__(self, x, given, train):
    table = self.param('table', nn.initializers.zeros_init(), (3, self.dim))
    mean = table[given['label'].argmax(-1)] + self.hears * x[:, : self.dim]
    return mean, jnp.zeros_like(mean)


class Decoder(nn.Module):
  listens: bool

  @nn.compact
  def __call__(self, z, given, train):
    return nn.Dense(3)(z if self.listens else 0 * z)[..., None]


def _model(listens):
  x = Field('vector', (3,), 0)
  return vae(
    Encoder(),
    Decoder(listens),
    prior=standard_normal(2),
    posterior=diagonal_gaussian(2),
    objective=elbo(),
    likelihood=LIKELIHOODS['gaussian'](x, 0.3),
    tx=optax.adam(0.03),
    ema_decay=0.9,
    x=x,
    importance_samples=8,
  )


def _source(num=400):
  """Points on a plane, but for a little noise."""
  rng = np.random.default_rng(0)
  plane, noise = rng.normal(size=(num, 2)), rng.normal(size=(num, 3))
  x = plane @ np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0]]) + 0.1 * noise
  return from_arrays('points', {'x': Field('vector', (3,), 0)}, {'x': x.astype(np.float32)})


def _trained(model, source, steps=300):
  batch = {'x': jnp.asarray(source.examples(np.arange(len(source)))['x'])}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, _ = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), None

  return jax.jit(lambda state: jax.lax.scan(step, state, length=steps)[0])(state)


@pytest.mark.parametrize('listens', [True, False])
def test_a_posterior_collapses_where_the_decoder_ignores_its_latents(listens):
  model, source = _model(listens), _source()
  state = _trained(model, source)
  row = evaluate.evaluator(model, source, 64)(state.params, state.extra)
  assert row['active_units'] == (2 if listens else 0)
  assert row['dead_latents'] == (0 if listens else 1)
  assert (row['kl'] < 0.05) == (not listens)
  assert [('collapsed' in said) for said in model.health({}, row, {})] == ([] if listens else [True])


def test_the_kl_of_each_latent_and_the_gap_between_the_bounds_are_of_the_whole_split():
  model, source = _model(True), _source()
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  row = evaluate.evaluator(model, source, 64)(params, extra)
  x = source.examples(np.arange(len(source)))['x']
  h = x @ params['encoder']['out']['kernel'] + params['encoder']['out']['bias']
  mean, log_var = h[:, :2], h[:, 2:]
  kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).mean(0)
  np.testing.assert_allclose(row['kl_per_latent'], kl, rtol=1e-5)
  np.testing.assert_allclose(sum(row['kl_per_latent']), row['kl'], rtol=1e-5)
  assert row['active_units'] == (mean.var(0) > 0.01).sum()
  bound = -3 * np.log(2) * row['bits_per_dim']
  np.testing.assert_allclose(row['bound_gap'], bound - row['elbo'], rtol=1e-4)
  assert not {'latent_mean', 'latent_square'} & row.keys()


@pytest.mark.parametrize('hears', [True, False])
def test_under_a_prior_of_each_class_what_the_class_tells_makes_no_latent_active(hears):
  given = {'label': Field('label', (), 3)}
  table = jnp.asarray(np.random.default_rng(0).normal(0, 3, (3, 2)), jnp.float32)
  row = _row(class_conditional(2, given), hears, table, {'mean_0': table, 'log_scale_0': jnp.zeros((3, 2))})
  assert (row['kl'] > 0.1, row['active_units'], row['dead_latents']) == (
    (True, 2, 0) if hears else (False, 0, 1)
  )


@pytest.mark.parametrize('place', [-2999.7, 50.3, 3e5])
def test_a_latent_that_is_always_the_same_is_dead_wherever_it_lies(place):
  row = _row(standard_normal(2), False, jnp.full((3, 2), place))
  assert (row['active_units'], row['dead_latents']) == (0, 1)


def _row(prior, hears, table, prior_params=None):
  """The held-out numbers of an autoencoder whose posterior has its means from a table, see `Center`."""
  source, given = _source(), {'label': Field('label', (), 3)}
  x = source.spec['x']
  slots = dict(
    prior=prior, posterior=diagonal_gaussian(2), objective=elbo(), likelihood=LIKELIHOODS['gaussian'](x, 0.3)
  )
  of = dict(tx=optax.sgd(0.1), ema_decay=0.9, x=x, given=given, importance_samples=2)
  model = vae(Center(2, hears), Decoder(True), **slots, **of)
  params, extra = jax.jit(model.init)(jax.random.key(0), {})
  params = {**params, 'encoder': {'table': table}, **({'prior': prior_params} if prior_params else {})}
  labels = np.arange(len(source)) % 3
  labelled = from_arrays('points', source.spec | given, {**source.resident(), 'label': labels})
  return evaluate.evaluator(model, labelled, 64)(params, extra)


@pytest.mark.parametrize(('weight', 'said'), [(1.0, False), (1000.0, True)])
def test_a_run_keeps_the_numbers_and_says_what_they_mean(weight, said, tmp_path, capsys):
  config = vae_digits.get_config('smoke')
  config.module = 'jaxgen.models.vae.vae_mlp'
  config.model.update(dict(kl_weight=weight, kl_warmup_steps=0, importance_samples=4))
  config.optimizer.update(dict(learning_rate=0.01, schedule='constant'))
  config.update(dict(num_steps=200, steps_per_dispatch=50, log_every=100, sample_every=0, checkpoint_every=0))
  config.eval_every = config.num_steps
  train.train(config, tmp_path / 'run')
  row = next(row for row in writers.read(tmp_path / 'run') if row['split'] == 'validation')
  assert len(row['kl_per_latent']) == 3 and row['active_units'] == (0 if said else 3)
  assert ('the posterior has collapsed' in capsys.readouterr().out) == said
