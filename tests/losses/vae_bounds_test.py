"""Bounds on a log-likelihood that is known: x = W z + b + sigma e is Gaussian (Tipping & Bishop 1999, equation 4)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import stop_gradient

from jaxgen.losses import vae

SIGMA = 0.5
W = np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 0.5]], np.float32)
W[1] -= W[0] * (W[0] @ W[1]) / (W[0] @ W[0])  # orthogonal rows: the posterior is diagonal
BIAS = np.array([0.3, -0.2, 0.1], np.float32)
X = np.array([[0.5, -0.3, 1.0], [-1.0, 0.8, 0.2]], np.float32)
PRECISION = np.eye(2) + W @ W.T / SIGMA**2
OPTIMAL = (
  jnp.asarray((X - BIAS) @ W.T @ np.linalg.inv(PRECISION) / SIGMA**2, jnp.float32),
  jnp.broadcast_to(jnp.asarray(-np.log(np.diag(PRECISION)), jnp.float32), (2, 2)),
)
OTHER = OPTIMAL[0] + jnp.array([0.1, -0.2]), OPTIMAL[1] + 0.7


def _exact():
  covariance = W.T @ W + SIGMA**2 * np.eye(3)
  residual = X - BIAS
  distance = np.einsum('bi,ij,bj->b', residual, np.linalg.inv(covariance), residual)
  return -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])


def _log_p(z, bias=BIAS):
  """log p(x, z) of draws f32[K * B, 2], f32[K, B]."""
  x = jnp.tile(X, (len(z) // 2, 1))
  prior = vae.log_normal(z, mean=jnp.zeros_like(z), log_var=jnp.zeros_like(z))
  return (prior - vae.gaussian_nll(x, mean=z @ W + bias, sigma=SIGMA)).reshape(-1, 2)


def _log_q(z, q):
  mean, log_var = (jnp.tile(p, (len(z) // 2, 1)) for p in q)
  return vae.log_normal(z, mean=mean, log_var=log_var).reshape(-1, 2)


def _draw(rng, q, num):
  mean, log_var = (jnp.tile(p, (num, 1)) for p in q)
  return vae.reparameterize(rng, mean=mean, log_var=log_var)


def _log_weights(z, q, bias, kl_weight):
  """log p(x|z) + kl_weight * log(p(z) / q(z|x)), f32[K, B]."""
  x = jnp.tile(X, (len(z) // 2, 1))
  log_likelihood = -vae.gaussian_nll(x, mean=z @ W + bias, sigma=SIGMA).reshape(-1, 2)
  return log_likelihood + kl_weight * (_log_p(z, bias) - log_likelihood - _log_q(z, q))


def iwae(rng, q, num, bias=BIAS, kl_weight=1.0):
  """f32[B]."""
  return vae.importance_weighted_bound(_log_weights(_draw(rng, q, num), q, bias, kl_weight))


def dreg(rng, q, num, bias=BIAS, kl_weight=1.0):
  """The same value, with the other gradient."""
  z, zeros = vae.doubly_reparameterized(_draw(rng, q, num).reshape(num, 2, 2), kl_weight)
  log_weights = _log_weights(z.reshape(-1, 2), stop_gradient(q), bias, kl_weight)
  return vae.importance_weighted_bound(log_weights + zeros)


def elbo(rng, q, bias=BIAS):
  z = _draw(rng, q, 1)
  return (_log_p(z, bias) - _log_q(z, q))[0]


KEYS = jax.random.split(jax.random.key(0), 20000)


def test_bounds_rise_with_the_number_of_draws_up_to_the_exact_value():
  bounds = [jax.vmap(lambda key, num=num: iwae(key, OTHER, num))(KEYS[:4000]) for num in (1, 5, 50)]
  means = np.array([bound.mean(0) for bound in bounds])
  errors = np.array([bound.std(0) / 4000**0.5 for bound in bounds])
  assert (np.diff(means, axis=0) > 4 * errors[1:]).all()
  assert (means[-1] < _exact() + 4 * errors[-1]).all()
  np.testing.assert_allclose(means[-1], _exact(), atol=0.02)
  kl = vae.kl_normal(mean=OTHER[0], log_var=OTHER[1], prior_mean=OPTIMAL[0], prior_log_var=OPTIMAL[1])
  np.testing.assert_allclose(means[0], _exact() - kl, atol=4 * errors[0].max())  # the gap of the elbo


@pytest.mark.parametrize('num', [1, 5])
def test_every_bound_is_exact_at_the_optimal_posterior(num):
  np.testing.assert_allclose(iwae(KEYS[0], OPTIMAL, num), _exact(), rtol=1e-4)


def _gradients(bound, keys=KEYS):
  """f32[N, ...] of one draw each: of q's mean and log-variance, and of the decoder's bias."""
  gradient = jax.grad(lambda q, bias, key: bound(key, q, bias=bias).sum(), argnums=(0, 1))
  return jax.jit(jax.vmap(lambda key: gradient(OTHER, jnp.asarray(BIAS), key)))(keys)


def test_the_gradient_of_a_single_draw_is_that_of_the_elbo():
  single = _gradients(lambda key, q, bias: iwae(key, q, 1, bias), KEYS[:10])
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), single, _gradients(elbo, KEYS[:10]))


@pytest.mark.parametrize('kl_weight', [0.5, 1.0, 2.0])
def test_dreg_has_the_mean_of_the_gradient_of_iwae_and_less_variance(kl_weight):
  plain, doubly = (_gradients(lambda key, q, bias, b=b: b(key, q, 8, bias, kl_weight)) for b in (iwae, dreg))
  for one, other in zip(jax.tree.leaves(plain[0]), jax.tree.leaves(doubly[0]), strict=True):
    error = np.sqrt((one.var(0) + other.var(0)) / len(KEYS))
    assert (np.abs(one.mean(0) - other.mean(0)) < 4 * error).all()
    assert (other.var(0) < 0.9 * one.var(0)).all()
    assert (np.abs(other.mean(0)) > 8 * error).any()
  np.testing.assert_allclose(plain[1], doubly[1], rtol=1e-3, atol=1e-4)  # the decoder's is the same


@pytest.mark.parametrize('beta', [1.0, 0.5])
def test_the_gradient_through_a_draw_is_weighed_by_its_weight_and_what_is_left_of_the_score(beta):
  """Of log w_k = a_k z_k, with a weight of the loss that cancels out of the normalized ones."""
  a, z = jnp.array([[1.0], [2.0]]), jnp.array([[0.5], [0.1]])

  def loss(z, a):
    z, zeros = vae.doubly_reparameterized(z, beta)
    return -3 * vae.importance_weighted_bound(a * z + zeros).sum()

  of_z, of_a = jax.grad(loss, argnums=(0, 1))(z, a)
  v = np.exp(a * z) / np.exp(a * z).sum()
  np.testing.assert_allclose(of_z, -3 * v * (1 - beta * (1 - v)) * a, rtol=1e-5)
  np.testing.assert_allclose(of_a, -3 * v * z, rtol=1e-5)


def test_monte_carlo_kl_by_hand_and_in_the_mean():
  value = vae.monte_carlo_kl(log_q=jnp.array([[1.0, 2.0], [3.0, 2.0]]), log_p=jnp.array([[0.0, 2.0]] * 2))
  np.testing.assert_allclose(value, [2.0, 0.0])
  z = _draw(KEYS[1], OTHER, 40000)
  value = vae.monte_carlo_kl(log_q=_log_q(z, OTHER), log_p=_log_q(z, OPTIMAL))
  exact = vae.kl_normal(mean=OTHER[0], log_var=OTHER[1], prior_mean=OPTIMAL[0], prior_log_var=OPTIMAL[1])
  np.testing.assert_allclose(value, exact, rtol=0.02)


def test_free_bits_by_hand():
  kl = jnp.array([[0.1, 3.0], [0.3, 1.0]])  # means 0.2 and 2
  np.testing.assert_allclose(vae.free_bits(kl, 0.5), [3.5, 1.5])
  np.testing.assert_allclose(vae.free_bits(kl, 0.5).mean(), 0.5 + 2)
  np.testing.assert_allclose(vae.free_bits(kl, 0.0), kl.sum(1))
  np.testing.assert_allclose(jax.grad(lambda kl: vae.free_bits(kl, 0.5).sum())(kl), [[0, 1], [0, 1]])


@pytest.mark.parametrize(
  ('call', 'sentence'),
  [
    (lambda: vae.monte_carlo_kl(log_q=jnp.zeros((2, 3)), log_p=jnp.zeros((3, 2))), 'log_p has shape'),
    (lambda: vae.monte_carlo_kl(log_q=jnp.zeros(3), log_p=jnp.zeros(3)), 'must be of rank 2'),
    (lambda: vae.free_bits(jnp.zeros(3), 0.5), 'kl must be of rank 2'),
    (lambda: vae.doubly_reparameterized(jnp.zeros(3)), 'axes of draws and of examples'),
  ],
)
def test_wrong_shapes_are_named(call, sentence):
  with pytest.raises(ValueError, match=sentence):
    call()
