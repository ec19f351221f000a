"""DDPM's bound, term by term: by hand, and against the paper's equations on the scale of the paper."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from jaxgen.losses import score

ONE, TWO = jnp.ones(1), jnp.full(1, 2.0)


def test_the_prior_by_hand():
  # r = 1/4 in two dimensions: 1/4 - 1 + log 4, and 5 / (2 4) of the squares
  found = score.prior_kl(jnp.array([[1.0, 2.0]]), sigma=ONE, prior_sigma=TWO)
  np.testing.assert_allclose(found, [0.25 - 1 + np.log(4) + 0.625], rtol=1e-6)
  np.testing.assert_allclose(score.prior_kl(jnp.zeros((1, 7)), sigma=TWO, prior_sigma=TWO), 0.0)


def test_a_step_by_hand():
  x, denoised = jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 2.0]])
  step = lambda **k: score.step_kl(x, denoised, sigma=TWO, next_sigma=ONE, **k)  # noqa: E731
  np.testing.assert_allclose(step(), [(1 - 1 / 4) * 5 / 2], rtol=1e-6)
  np.testing.assert_allclose(step(variance_ratio=4.0), [np.log(4) + 1 / 4 - 1 + 1.875 / 4], rtol=1e-6)
  np.testing.assert_allclose(score.step_kl(x, x, sigma=TWO, next_sigma=ONE), [0.0])


def test_the_decoder_by_hand():
  # three levels at -1, 0 and 1 have bins that end at -1/2 and 1/2: one deviation from a mean of 0
  masses = jnp.exp(
    -score.decoder_nll(jnp.arange(3)[:, None], mean=jnp.zeros((3, 1)), sigma=jnp.full(3, 0.5), levels=3)
  )
  np.testing.assert_allclose(masses, [0.158655, 0.682689, 0.158655], rtol=1e-5)


@pytest.mark.parametrize('sigma', [1e-4, 0.01, 0.3, 20.0])
@pytest.mark.parametrize('levels', [2, 17, 256])
def test_the_masses_of_all_levels_are_those_of_the_gaussian(levels, sigma):
  mean = np.array([-1.4, -1.0, 0.013, 0.4, 0.99])
  x, mean = (grid.ravel() for grid in np.meshgrid(np.arange(levels), mean))
  numbers = jnp.full(len(x), sigma)
  log_mass = -score.decoder_nll(
    jnp.array(x)[:, None], mean=jnp.array(mean)[:, None], sigma=numbers, levels=levels
  )
  np.testing.assert_allclose(jnp.exp(log_mass).reshape(5, levels).sum(1), 1, atol=1e-4)
  half = 1 / (levels - 1)
  lower = np.where(x == 0, -np.inf, 2 * half * x - 1 - half)
  upper = np.where(x == levels - 1, np.inf, 2 * half * x - 1 + half)
  # from the nearer tail, so that nothing cancels
  a, b = (lower - mean) / sigma, (upper - mean) / sigma
  a, b = np.where(a + b < 0, -b, a), np.where(a + b < 0, -a, b)
  near = (a < 30) & (np.abs(a) < np.inf)
  exact = np.log(norm.sf(a[near]) - norm.sf(b[near]))
  np.testing.assert_allclose(np.asarray(log_mass)[near], exact, rtol=2e-4, atol=2e-4)


def _papers_terms(x, noise, epsilon, betas, t, variance):
  """L_T and L_{t-1} of Ho et al. 2020 in float64 on their own scale: their equations 2, 4, 7, 11 and 12."""
  alphas, alpha_bar = 1 - betas, np.cumprod(1 - betas)
  dims = x.shape[1]
  last = alpha_bar[-1]
  prior = ((1 - last) - 1 - np.log(1 - last)) * dims / 2 + last * (x**2).sum(1) / 2
  bar, before, alpha, beta = alpha_bar[t], alpha_bar[t - 1], alphas[t], betas[t]
  noisy = np.sqrt(bar) * x + np.sqrt(1 - bar) * noise
  posterior = np.sqrt(before) * beta / (1 - bar) * x + np.sqrt(alpha) * (1 - before) / (1 - bar) * noisy
  tilde = (1 - before) / (1 - bar) * beta
  mean = (noisy - beta / np.sqrt(1 - bar) * epsilon) / np.sqrt(alpha)
  own = {'posterior': tilde, 'beta': beta}[variance]
  step = ((posterior - mean) ** 2).sum(1) / (2 * own) + dims / 2 * (np.log(own / tilde) + tilde / own - 1)
  by_noise = beta**2 / (2 * own * alpha * (1 - bar)) * ((noise - epsilon) ** 2).sum(1)
  np.testing.assert_allclose(((posterior - mean) ** 2).sum(1) / (2 * own), by_noise, rtol=1e-9)
  return prior, step


@pytest.mark.parametrize('variance', ['posterior', 'beta'])
@pytest.mark.parametrize('t', [1, 40, 99])
def test_the_terms_are_those_of_the_paper(t, variance):
  rng, betas = np.random.default_rng(0), np.linspace(1e-3, 0.1, 100)
  x, noise, epsilon = rng.standard_normal((3, 4, 5))
  prior, step = _papers_terms(x, noise, epsilon, betas, t, variance)
  alpha_bar = np.cumprod(1 - betas)
  sigmas = np.sqrt(1 / alpha_bar - 1)
  ratio = {'posterior': 1.0, 'beta': (1 - alpha_bar[t]) / (1 - alpha_bar[t - 1])}[variance]
  with jax.enable_x64(True):
    level = lambda t: jnp.full(4, sigmas[t])  # noqa: E731
    denoised = jnp.array(x + sigmas[t] * (noise - epsilon))
    found = score.step_kl(
      jnp.array(x), denoised, sigma=level(t), next_sigma=level(t - 1), variance_ratio=ratio
    )
    start = score.prior_kl(jnp.array(x), sigma=level(-1), prior_sigma=jnp.sqrt(1 + level(-1) ** 2))
  np.testing.assert_allclose(found, step, rtol=1e-9)
  np.testing.assert_allclose(start, prior, rtol=1e-9)


def test_arguments_that_do_not_fit_are_named():
  x = jnp.ones((3, 2))
  cases = {
    'sigma has shape': lambda: score.prior_kl(x, sigma=ONE, prior_sigma=ONE),
    'prior_sigma must be of rank 1': lambda: score.prior_kl(x, sigma=x[:, 0], prior_sigma=x),
    'denoised has shape': lambda: score.step_kl(x, x[:, :1], sigma=x[:, 0], next_sigma=x[:, 0]),
    'variance_ratio has shape': lambda: score.step_kl(
      x, x, sigma=x[:, 0], next_sigma=x[:, 0], variance_ratio=x
    ),
    'mean has shape': lambda: score.decoder_nll(x, mean=x[:, :1], sigma=x[:, 0], levels=4),
    'at least 2 levels': lambda: score.decoder_nll(x, mean=x, sigma=x[:, 0], levels=1),
  }
  for words, call in cases.items():
    with pytest.raises(ValueError, match=words):
      call()
