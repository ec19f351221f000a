import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families import conditions
from jaxgen.families.vae import LIKELIHOODS, diagonal_gaussian, elbo, standard_normal, vae
from jaxgen.types import DATA_AXIS, Estimate, Field, State

SIGMA = 0.5


class LinearEncoder(nn.Module):
  latent_dim: int

  @nn.compact
  def __call__(self, x, given, train):
    h = conditions.joined(x.reshape(x.shape[0], -1), given)
    log_var = self.param('log_var', nn.initializers.zeros, (self.latent_dim,))
    mean = nn.Dense(self.latent_dim, name='mean')(h)
    return mean, jnp.broadcast_to(log_var, mean.shape)


class LinearDecoder(nn.Module):
  shape: tuple[int, ...]
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    h = conditions.joined(z, given)
    return nn.Dense(int(np.prod(self.shape)) * self.outputs, name='out')(h).reshape(
      -1, *self.shape, self.outputs
    )


def _model(name='gaussian', levels=0, shape=(3,), **changes):
  x = Field('image' if len(shape) == 3 else 'vector', shape, levels)
  likelihood = LIKELIHOODS[name](x, SIGMA)
  settings = dict(
    prior=standard_normal(2),
    posterior=diagonal_gaussian(2),
    objective=elbo(),
    tx=optax.sgd(0.01),
    ema_decay=0.9,
    importance_samples=4,
  )
  networks = LinearEncoder(2), LinearDecoder(shape, likelihood.num_outputs)
  return vae(*networks, likelihood=likelihood, x=x, **{**settings, **changes})


def _step(model):
  def one(state, batch):
    state, metrics = model.update.apply(state, jax.random.fold_in(jax.random.key(7), state.step), batch)
    return state._replace(step=state.step + 1), {k: m.total / m.count for k, m in metrics.items()}

  return jax.jit(jax.vmap(one, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1))


def _init(model, batch=None):
  return jax.jit(model.init)(jax.random.key(0), batch or {})


def _state(model, batch):
  params, extra = _init(model, batch)
  return State(jnp.int32(0), params, extra, model.update.init(params), jnp.zeros(2, jnp.uint32))


def _images(levels, num=64):
  x = jax.random.randint(jax.random.key(3), (num, 2, 2, 1), 0, levels)
  return {'x': x.astype(jnp.uint8), 'label': jnp.arange(num) % 3}


W = np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 0.5]])  # orthogonal rows would make the posterior diagonal
W[1] -= W[0] * (W[0] @ W[1]) / (W[0] @ W[0])
BIAS = np.array([0.3, -0.2, 0.1])


def _probabilistic_pca(posterior_scale=1.0):
  """x = W z + b + sigma eps: log p(x) and p(z|x) are known (Tipping & Bishop 1999, equations 4 and 7)."""
  precision = np.eye(2) + W @ W.T / SIGMA**2
  gain = np.linalg.inv(precision) @ W / SIGMA**2  # E[z|x] = gain (x - b)
  params = {
    'encoder': {
      'mean': {'kernel': gain.T, 'bias': -gain @ BIAS},
      'log_var': -np.log(np.diag(precision)) + np.log(posterior_scale),
    },
    'decoder': {'out': {'kernel': W, 'bias': BIAS}},
  }
  covariance = W.T @ W + SIGMA**2 * np.eye(3)

  def log_prob(x):
    residual = x - BIAS
    distance = np.einsum('bi,ij,bj->b', residual, np.linalg.inv(covariance), residual)
    return -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])

  return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params), log_prob


def test_the_bound_is_exact_where_the_posterior_is():
  params, exact = _probabilistic_pca()
  model = _model()
  batch = {'x': jax.random.normal(jax.random.key(0), (5, 3))}
  log_prob = model.log_prob(params, {}, jax.random.key(1), batch)
  np.testing.assert_allclose(log_prob, exact(np.asarray(batch['x'])), rtol=1e-4)
  metrics = model.evaluate(params, {}, jax.random.key(1), batch)
  np.testing.assert_allclose(metrics['bits_per_dim'], -log_prob / 3 / np.log(2), rtol=1e-5)
  assert model.log_prob_estimate == Estimate('lower bound', importance_samples=4)


def test_elbo_is_below_the_importance_weighted_bound_which_nears_log_p():
  params, exact = _probabilistic_pca(posterior_scale=2.0)
  batch = {'x': jnp.tile(jnp.array([[0.5, -0.3, 1.0]]), (2000, 1))}
  truth = exact(np.asarray(batch['x'][:1]))[0]
  elbo = _model().evaluate(params, {}, jax.random.key(0), batch)['elbo'].mean()
  bounds = [
    jax.jit(_model(importance_samples=k).log_prob)(params, {}, jax.random.key(k), batch).mean()
    for k in (1, 4, 64)
  ]
  # each latent dimension's KL(q || p) is (2 - 1 - log 2) / 2
  np.testing.assert_allclose(elbo, truth - (1 - np.log(2)), atol=0.1)
  np.testing.assert_allclose(bounds[0], elbo, atol=0.1)
  assert bounds[0] < bounds[1] - 0.1 < bounds[2] - 0.1 < truth
  np.testing.assert_allclose(bounds[2], truth, atol=0.02)


@pytest.mark.parametrize(('name', 'levels'), [('discretized_logistic', 3), ('bernoulli', 2)])
def test_the_bounds_mass_over_all_images_approaches_one(name, levels):
  model = _model(name, levels, (1, 2, 1), importance_samples=5000)
  everything = jnp.array(list(itertools.product(range(levels), repeat=2)), jnp.uint8).reshape(-1, 1, 2, 1)
  params, extra = _init(model)
  params['encoder'] = jax.tree.map(jnp.zeros_like, params['encoder'])  # q is the prior
  log_density = jax.jit(model.log_prob)(params, extra, jax.random.key(1), {'x': everything})
  np.testing.assert_allclose(jnp.exp(log_density).mean(), 1.0, atol=0.02)  # cells of volume 1 / levels^2


def test_kl_warmup_follows_the_step_and_the_weights_weigh():
  model = _model('discretized_logistic', 5, (2, 2, 1), objective=elbo(0.5, 3.0, kl_warmup_steps=4))
  batch = _images(5)
  state, step, seen = _state(model, batch), _step(model), []
  for _ in range(6):
    state, metrics = step(state, batch)
    seen.append(metrics['kl_weight'])
    expected = 0.5 * metrics['reconstruction'] + metrics['kl_weight'] * metrics['kl']
    np.testing.assert_allclose(metrics['loss'], expected, rtol=1e-5)
    bound = 4 * np.log(5) - metrics['reconstruction'] - metrics['kl']
    np.testing.assert_allclose(metrics['elbo'], bound, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(metrics['elbo_bits_per_dim'], (np.log(5) - bound / 4) / np.log(2), rtol=1e-5)
    assert 'bits_per_dim' not in metrics  # that is the tighter bound of an evaluation
  np.testing.assert_allclose(seen, [0, 0.75, 1.5, 2.25, 3, 3])
  metrics = jax.jit(model.evaluate)(state.params, state.extra, jax.random.key(0), batch)
  np.testing.assert_allclose(metrics['loss'], 0.5 * metrics['reconstruction'] + 3 * metrics['kl'], rtol=1e-5)
  assert (
    'warm-up over 4 steps' in model.objective
    and '0.5 * recon' in model.objective
    and '3 * kl' in model.objective
  )


@pytest.mark.parametrize('name', LIKELIHOODS)
def test_learns_with_every_likelihood(name):
  model = _model(name, 5, (2, 2, 1), tx=optax.adam(0.03))
  batch = _images(5)
  batch['x'] = jnp.where(batch['label'][:, None, None, None] > 0, 4, batch['x'])
  state, step, losses = _state(model, batch), _step(model), []
  for _ in range(40):
    state, metrics = step(state, batch)
    losses.append(metrics['loss'])
  assert losses[-1] < losses[0] - 0.3
  has_density = name != 'bernoulli'
  assert (
    (model.log_prob is not None) == ('elbo_bits_per_dim' in metrics) == ('elbo' in metrics) == has_density
  )
  assert ('no log_prob' in model.objective) == (not has_density)
  assert ('K = 4' in model.objective) == has_density


def test_samples_and_reconstructions_look_like_data():
  model = _model('discretized_logistic', 5, (2, 2, 1))
  params, extra = _init(model)
  batch = _images(5)
  latents = model.encode(params, extra, jax.random.key(1), batch)
  assert latents.shape == (64, 2)
  sample = jax.jit(model.sample, static_argnums=3)
  first, again = (sample(params, extra, jax.random.key(2), 7) for _ in range(2))
  np.testing.assert_array_equal(first, again)
  for x, num in ((first, 7), (model.decode(params, extra, latents), 64)):
    assert x.shape == (num, 2, 2, 1) and x.dtype == jnp.uint8 and x.max() < 5


def test_continuous_samples_are_draws_of_the_model():
  params, _ = _probabilistic_pca()
  x = _model().sample(params, {}, jax.random.key(0), 20000)
  np.testing.assert_allclose(x.mean(0), BIAS, atol=0.05)
  np.testing.assert_allclose(np.cov(x.T), W.T @ W + SIGMA**2 * np.eye(3), atol=0.15)


def test_the_temperature_is_the_standard_deviation_of_the_latents():
  params, _ = _probabilistic_pca()
  model = _model()
  for temperature in (model.knobs['temperature'], 0.5, 0.0):
    x = model.sample(params, {}, jax.random.key(0), 20000, temperature=temperature)
    np.testing.assert_allclose(np.cov(x.T), temperature**2 * W.T @ W + SIGMA**2 * np.eye(3), atol=0.15)
  z = model.latents(params, {}, jax.random.key(1), 20000)
  np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=0.02)


def test_what_is_missing_is_drawn_given_what_is_there():
  """Of x ~ N(b, C) one coordinate given the two others is a normal of known mean and variance."""
  params, _ = _probabilistic_pca()
  seen, missing, covariance = [0, 1], 2, W.T @ W + SIGMA**2 * np.eye(3)
  gain = covariance[missing, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
  x = np.array([0.8, -0.5, 100.0])  # what stands where nothing was observed is not looked at
  mean = BIAS[missing] + gain @ (x[seen] - BIAS[seen])
  variance = covariance[missing, missing] - gain @ covariance[seen, missing]
  batch = {'x': jnp.tile(jnp.asarray(x, jnp.float32), (20000, 1))}
  observed = jnp.broadcast_to(jnp.array([True, True, False]), batch['x'].shape)
  drawn = jax.jit(_model().complete)(params, {}, jax.random.key(0), batch, observed)
  np.testing.assert_array_equal(drawn[:, seen], batch['x'][:, seen])
  np.testing.assert_allclose([drawn[:, missing].mean(), drawn[:, missing].var()], [mean, variance], rtol=0.05)


def test_a_conditional_model_uses_its_labels():
  model = _model('discretized_logistic', 5, (2, 2, 1), given={'label': Field('label', (), 3)})
  params, extra = _init(model)
  params = jax.tree.map(lambda p: 5 * p, params)
  batch, rng = _images(5), jax.random.key(1)
  z = model.encode(params, extra, rng, batch)
  assert z.shape == (64, 2)
  assert model.decode(params, extra, z, {'label': batch['label']}).shape == batch['x'].shape
  other = {**batch, 'label': (batch['label'] + 1) % 3}
  log_prob, sample = jax.jit(model.log_prob), jax.jit(model.sample, static_argnums=3)
  assert (log_prob(params, extra, rng, batch) != log_prob(params, extra, rng, other)).all()
  zeros, ones = (sample(params, extra, rng, 8, {'label': jnp.full(8, label)}) for label in (0, 1))
  assert (zeros != ones).any()
  assert model.sample(params, extra, rng, 8).shape == (8, 2, 2, 1)
  with pytest.raises(ValueError, match='shape'):
    model.sample(params, extra, rng, 8, {'label': jnp.zeros(3, jnp.int32)})
  with pytest.raises(ValueError, match='conditioned on label needs'):
    model.evaluate(params, extra, rng, {'x': batch['x']})
  with pytest.raises(ValueError, match='conditioned on label needs'):
    model.decode(params, extra, z)


def test_labels_are_refused_where_there_is_no_class():
  model = _model('discretized_logistic', 5, (2, 2, 1))
  params, extra = _init(model)
  with pytest.raises(ValueError, match='without label'):
    model.sample(params, extra, jax.random.key(0), 4, {'label': jnp.zeros(4, jnp.int32)})
