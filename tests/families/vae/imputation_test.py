"""Gaps in the data: the bound on what is observed, and what is missing given that, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.vae import LIKELIHOODS, diagonal_gaussian, elbo, mixed, standard_normal, vae
from jaxgen.types import Field

SIGMA, WIDER = 0.6, 1.5
W = np.array([1.0, -0.8, 0.5, 1.2])  # x = W z + b + sigma e, with one z
BIAS = np.array([0.3, -0.2, 0.1, 0.0])
TABLE = Field('table', (4,), 0)
PARAMS = {'encoder': {}, 'decoder': {}}  # there is nothing to learn
SEEN = np.array([True, True, False, False])
ROW = np.array([1.4, -1.0, np.nan, 100.0])  # what stands where nothing was observed is not looked at


class Posterior(nn.Module):
  """The true p(z|observed), of a standard deviation that is `wider` times its own."""

  wider: float

  @nn.compact
  def __call__(self, x, given, train):
    observed = given['observed']
    precision = 1 + (observed * W**2).sum(-1, keepdims=True) / SIGMA**2
    mean = (observed * W * (x - BIAS)).sum(-1, keepdims=True) / SIGMA**2 / precision
    return mean, jnp.log(self.wider**2 / precision)


class Decoder(nn.Module):
  outputs: int = 1

  @nn.compact
  def __call__(self, z, given, train):
    return jnp.repeat((z * W + BIAS)[..., None], self.outputs, -1)


def model_of(wider=1.0, likelihood=None, has_gaps=True, **changes):
  likelihood = likelihood or LIKELIHOODS['gaussian'](TABLE, SIGMA)
  settings = dict(
    prior=standard_normal(1),
    posterior=diagonal_gaussian(1),
    objective=elbo(),
    tx=optax.sgd(0.01),
    ema_decay=0.9,
    importance_samples=4,
    imputation_samples=1000,
  )
  networks = Posterior(wider), Decoder(likelihood.num_outputs)
  return vae(*networks, likelihood=likelihood, x=TABLE, has_gaps=has_gaps, **{**settings, **changes})


def rows(num, observed=SEEN):
  x = jnp.tile(jnp.asarray(ROW, jnp.float32), (num, 1))
  return {'x': x, 'observed': jnp.broadcast_to(jnp.asarray(observed, jnp.uint8), x.shape)}


def conditional():
  """Mean and covariance of the missing entries given the observed ones."""
  covariance = np.outer(W, W) + SIGMA**2 * np.eye(4)
  a, b = np.flatnonzero(~SEEN), np.flatnonzero(SEEN)
  gain = covariance[np.ix_(a, b)] @ np.linalg.inv(covariance[np.ix_(b, b)])
  return BIAS[a] + gain @ (ROW[b] - BIAS[b]), covariance[np.ix_(a, a)] - gain @ covariance[np.ix_(b, a)]


def test_the_bound_is_on_what_is_observed_and_exact_where_the_posterior_is():
  covariance = (np.outer(W, W) + SIGMA**2 * np.eye(4))[np.ix_(SEEN, SEEN)]
  residual = (ROW - BIAS)[SEEN]
  exact = -0.5 * (
    residual @ np.linalg.solve(covariance, residual) + np.linalg.slogdet(2 * np.pi * covariance)[1]
  )
  log_prob = model_of().log_prob(PARAMS, {}, jax.random.key(0), rows(3))
  np.testing.assert_allclose(log_prob, exact, rtol=1e-4)
  loose = model_of(WIDER, importance_samples=500).log_prob(PARAMS, {}, jax.random.key(0), rows(3))
  np.testing.assert_allclose(loose, exact, atol=0.1)


@pytest.mark.parametrize(('wider', 'num_draws'), [(1.0, 1), (WIDER, 300)])
def test_imputation_draws_from_the_exact_conditional_of_a_gaussian(wider, num_draws):
  """With the true posterior for any number of draws, with another one as they grow: they are weighed."""
  model, num = model_of(wider, imputation_samples=num_draws), 4000
  drawn = jax.jit(model.complete)(PARAMS, {}, jax.random.key(0), rows(num), jnp.ones((num, 4), bool))
  np.testing.assert_array_equal(drawn[:, :2], rows(num)['x'][:, :2])
  mean, covariance = conditional()
  missing = np.asarray(drawn)[:, 2:]
  errors = np.sqrt(np.diag(covariance) / num)
  assert (np.abs(missing.mean(0) - mean) < 4 * errors).all()
  np.testing.assert_allclose(np.cov(missing.T), covariance, atol=0.08 * covariance.max())


def test_without_weights_another_posterior_would_be_wrong():
  """One draw of a posterior that is too wide is too wide."""
  model, num = model_of(WIDER, imputation_samples=1), 4000
  drawn = jax.jit(model.complete)(PARAMS, {}, jax.random.key(0), rows(num), jnp.ones((num, 4), bool))
  assert np.asarray(drawn)[:, 3].var() > 1.2 * conditional()[1][1, 1]


@pytest.mark.parametrize('wider', [1.0, WIDER])
def test_the_single_imputation_is_the_conditional_mean(wider):
  model = model_of(wider, imputation_samples=3000)
  found = model.impute(PARAMS, {}, jax.random.key(0), rows(5), jnp.ones((5, 4), bool))
  np.testing.assert_array_equal(found[:, :2], rows(5)['x'][:, :2])
  np.testing.assert_allclose(found[:, 2:], np.tile(conditional()[0], (5, 1)), atol=0.06)


def test_what_is_asked_to_be_hidden_is_hidden_too():
  model = model_of(imputation_samples=3)
  hidden = jnp.array([[False, True, True, True]])
  other = rows(1)['x'].at[0, 0].set(50.0)
  first, second = (
    model.complete(PARAMS, {}, jax.random.key(0), {**rows(1), 'x': x}, hidden) for x in (rows(1)['x'], other)
  )
  np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('likelihood', [None, mixed(TABLE, (0, 3, 2, 0), 0.5, learned_scale=True)])
def test_a_row_without_gaps_has_the_ordinary_terms(likelihood):
  whole = {'x': jnp.array([[0.5, 2.0, 1.0, -0.3]]), 'observed': jnp.ones((1, 4), jnp.uint8)}
  rng = jax.random.key(3)
  terms = model_of(likelihood=likelihood).evaluate(PARAMS, {}, rng, whole)

  class Told(Posterior):
    """Where all is there nobody has to say so."""

    @nn.compact
    def __call__(self, x, given, train):
      return super().__call__(x, {'observed': jnp.ones_like(x)}, train)

  likelihood = likelihood or LIKELIHOODS['gaussian'](TABLE, SIGMA)
  plain = vae(
    Told(1.0),
    Decoder(likelihood.num_outputs),
    likelihood=likelihood,
    x=TABLE,
    prior=standard_normal(1),
    posterior=diagonal_gaussian(1),
    objective=elbo(),
    tx=optax.sgd(0.01),
    ema_decay=0.9,
    importance_samples=4,
  )
  expected = plain.evaluate(PARAMS, {}, rng, {'x': whole['x']})
  # nats of a row, by which its checkpoints are chosen, are told of data with gaps alone
  assert terms.keys() == expected.keys() | {'negative_log_likelihood'}
  for name, value in expected.items():
    np.testing.assert_allclose(terms[name], value, rtol=1e-5)


@pytest.mark.parametrize('name', [*LIKELIHOODS, 'mixed'])
def test_a_masked_likelihood_is_that_of_the_entries_that_it_marks(name):
  """Of all of them the ordinary one; of some and of the others, it adds up; what stands elsewhere is not looked at."""
  levels = 0 if name in ('gaussian', 'laplace', 'mixed') else 5
  field = Field('table', (4,), levels)
  likelihood = mixed(field, (0, 3, 0, 2), 0.3, True) if name == 'mixed' else LIKELIHOODS[name](field, 0.3)
  outputs = jax.random.normal(jax.random.key(0), (6, 4, likelihood.num_outputs))
  x, rng = likelihood.draw(jax.random.key(1), outputs), jax.random.key(2)
  observed = jax.random.bernoulli(jax.random.key(3), 0.5, x.shape)
  ordinary = likelihood.nll(rng, outputs, x)
  np.testing.assert_allclose(likelihood.nll(rng, outputs, x, jnp.ones(x.shape, bool)), ordinary, rtol=1e-6)
  parts = [likelihood.nll(rng, outputs, x, mask) for mask in (observed, ~observed)]
  np.testing.assert_allclose(parts[0] + parts[1], ordinary, rtol=1e-5)
  if levels:
    return

  @jax.value_and_grad
  def with_nan(outputs):
    return likelihood.nll(rng, outputs, jnp.where(observed, x, jnp.nan), observed).sum()

  value, gradient = with_nan(outputs)
  np.testing.assert_allclose(value, parts[0].sum(), rtol=1e-6)
  assert np.isfinite(gradient).all()
  assert (np.asarray(gradient)[~np.asarray(observed)] == 0).all()


def test_columns_of_categories_have_masses_and_draws_of_their_own():
  likelihood = mixed(TABLE, (0, 3, 2, 0), 0.5)
  outputs = jax.random.normal(jax.random.key(0), (1, 4, 3))
  codes = np.stack(np.meshgrid([0.0], [0, 1, 2], [0, 1], [0.0]), -1).reshape(-1, 4)
  only = jnp.tile(jnp.array([[False, True, True, False]]), (6, 1))
  nll = likelihood.nll(jax.random.key(0), jnp.tile(outputs, (6, 1, 1)), jnp.asarray(codes), only)
  np.testing.assert_allclose(jnp.exp(-nll).sum(), 1, rtol=1e-5)
  drawn = likelihood.draw(jax.random.key(1), jnp.tile(outputs, (20000, 1, 1)))
  np.testing.assert_allclose(
    [np.mean((drawn[:, 1:3] == codes[row, 1:3]).all(1)) for row in range(6)], jnp.exp(-nll), atol=0.015
  )
  np.testing.assert_allclose(drawn[:, [0, 3]].mean(0), outputs[0, [0, 3], 0], atol=0.02)
  np.testing.assert_allclose(drawn[:, [0, 3]].std(0), 0.5, atol=0.02)


def test_of_several_distributions_the_mean_and_the_likeliest_category_stand():
  likelihood = mixed(Field('table', (2,), 0), (0, 3), 0.5)
  # two that are sure of 0, one that is sure of 1; means 1, 2 and 6
  outputs = jnp.array(
    [[[[1.0, 0, 0], [9.0, 0, 0]]], [[[2.0, 0, 0], [9.0, 0, 0]]], [[[6.0, 0, 0], [0, 9.0, 0]]]]
  )
  weights = jnp.array([[0.25], [0.25], [0.5]])
  np.testing.assert_allclose(
    likelihood.mean_of_mixture(outputs, weights * jnp.array([[1.2], [1.2], [0.8]])), [[3.3, 0]]
  )
  np.testing.assert_allclose(
    likelihood.mean_of_mixture(outputs, weights * jnp.array([[0.8], [0.8], [1.2]])), [[4.2, 1]]
  )


@pytest.mark.parametrize('outputs', [1e4, -1e4])
def test_a_mixed_likelihood_cannot_overflow(outputs):
  likelihood = mixed(TABLE, (0, 3, 2, 0), 0.1, learned_scale=True)

  @jax.value_and_grad
  def nll(outputs):
    return likelihood.nll(jax.random.key(0), outputs, jnp.array([[1e4, 2.0, 1.0, -1e4]])).sum()

  value, gradient = nll(jnp.full((1, 4, 3), outputs))
  assert np.isfinite(value) and np.isfinite(gradient).all()


def test_what_cannot_be():
  with pytest.raises(ValueError, match='imputation_samples must be at least 1'):
    model_of(imputation_samples=0)
  with pytest.raises(ValueError, match='3 columns were told of data of shape'):
    mixed(TABLE, (0, 0, 2), 0.5)
  with pytest.raises(ValueError, match='scale of a mixed likelihood must be positive'):
    mixed(TABLE, (0, 0, 2, 0), 0.0)
  x = Field('image', (2, 2, 1), 5)
  with pytest.raises(ValueError, match='gaps are of continuous data'):
    vae(
      Posterior(1.0),
      Decoder(),
      likelihood=LIKELIHOODS['gaussian'](x, 0.1),
      x=x,
      has_gaps=True,
      prior=standard_normal(1),
      posterior=diagonal_gaussian(1),
      objective=elbo(),
      tx=optax.sgd(0.01),
      ema_decay=0.9,
    )


def test_bits_are_of_the_entries_that_were_observed():
  model, batch = model_of(), rows(2)
  batch['observed'] = batch['observed'].at[1, 1].set(0)
  terms = model.evaluate(PARAMS, {}, jax.random.key(0), batch)
  bound = model.log_prob(PARAMS, {}, jax.random.key(0), batch)
  np.testing.assert_allclose(terms['bits_per_dim'], -bound / np.array([2, 1]) / np.log(2), rtol=1e-5)
  np.testing.assert_allclose(
    terms['elbo_bits_per_dim'], -terms['elbo'] / np.array([2, 1]) / np.log(2), rtol=1e-5
  )
  np.testing.assert_allclose(terms[model.selected_by], -bound, rtol=1e-5)
