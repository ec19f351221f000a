import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from jaxgen.samplers import classifier_guided, guided, heun, karras_levels, langevin, tempered
from tests.samplers.densities import gaussian_score, last

MEANS, STDS, SHARES = jnp.array([-1.0, 1.0]), jnp.array([0.8, 0.6]), jnp.array([0.7, 0.3])


def log_parts(x, sigma):
  """log(share_k N(x; mean_k, std_k^2 + sigma^2)), f32[B, 2], of x f32[B, 1]."""
  return jnp.log(SHARES) + norm.logpdf(x, MEANS, jnp.sqrt(STDS**2 + sigma[:, None] ** 2))


def score_of(log_density):
  return lambda x, sigma: jax.grad(lambda x: log_density(x, sigma).sum())(x)


mixture_score = score_of(lambda x, sigma: jax.nn.logsumexp(log_parts(x, sigma), axis=1))
part_score = score_of(lambda x, sigma: log_parts(x, sigma)[:, 1])
X, SIGMA = jnp.linspace(-4, 4, 9)[:, None], jnp.geomspace(0.01, 10, 9)


@pytest.mark.parametrize('weight', [0.0, 1.0, 2.5])
def test_guidance_of_a_gaussian_mixture_is_its_closed_form(weight):
  """The slope of log p(x) + weight (log p(x | y) - log p(x)), written out: both kinds of guidance."""
  variance = STDS**2 + SIGMA[:, None] ** 2
  slopes = (MEANS - X) / variance
  share = jnp.exp(jax.nn.log_softmax(log_parts(X, SIGMA)))
  unconditional = (share * slopes).sum(1, keepdims=True)
  closed_form = (1 - weight) * unconditional + weight * slopes[:, 1:]
  by_condition = guided(part_score, mixture_score, weight)(X, SIGMA)
  by_classifier = classifier_guided(
    mixture_score, lambda x, sigma: jax.nn.log_softmax(log_parts(x, sigma))[:, 1], weight
  )(X, SIGMA)
  np.testing.assert_allclose(by_condition, closed_form, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(by_classifier, closed_form, rtol=1e-4, atol=1e-4)


def test_a_chain_under_guidance_draws_what_guidance_promises():
  """At one level, p(x)^(1 - w) p(x | y)^w, whose moments are sums over a grid."""
  weight, sigma = 2.0, jnp.full(1000, 0.1)
  grid = jnp.linspace(-6, 6, 4001)[:, None]
  logs = log_parts(grid, jnp.full(4001, 0.1))
  log_density = (1 - weight) * jax.nn.logsumexp(logs, axis=1) + weight * logs[:, 1]
  density = jax.nn.softmax(log_density)
  mean = float((density * grid[:, 0]).sum())
  variance = float((density * (grid[:, 0] - mean) ** 2).sum())
  score_fn = guided(part_score, mixture_score, weight)
  end = last(langevin(lambda x: score_fn(x, sigma), 0.02), jnp.zeros((1000, 1)), 300)
  assert mean > 1.1  # beyond the part's own
  np.testing.assert_allclose(end.mean(), mean, atol=4 * np.sqrt(variance / 1000))
  np.testing.assert_allclose(end.var(), variance, rtol=0.18)


@pytest.mark.parametrize('temperature', [0.25, 1.0, 2.0])
def test_temperature_scales_the_variance_of_gaussian_data_and_asks_for_levels_in_range(temperature):
  asked = []

  def score_fn(x, sigma):
    asked.append(sigma)
    return gaussian_score(0.8, 1.5)(x, sigma)

  at_any = tempered(score_fn, temperature)(X, SIGMA)
  np.testing.assert_allclose(
    at_any, gaussian_score(0.8 * temperature**0.5, 1.5)(X, SIGMA), rtol=1e-4, atol=1e-6
  )
  np.testing.assert_allclose(asked[0] * temperature**0.5, SIGMA, rtol=1e-5)
  # Through all levels, the ODE makes of the draws of noise those of the cold data.
  levels = temperature**0.5 * karras_levels(20.0, 0.01, 40)
  start = levels[0] * jax.random.normal(jax.random.key(0), (4000, 1))
  end = last(heun(tempered(gaussian_score(0.8, 1.5), temperature), levels), start, 40)
  np.testing.assert_allclose(end.std(), 0.8 * temperature**0.5, rtol=0.05)


def test_a_temperature_is_positive():
  with pytest.raises(ValueError, match='temperature'):
    tempered(part_score, 0.0)
