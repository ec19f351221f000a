"""Likelihoods of score models: the bound is a bound, the ODE's density is exact, and both say what they took."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax.scipy.stats import norm

from jaxgen import config_files, data, experiment
from jaxgen.errors import UserError
from jaxgen.families.score import LIKELIHOODS, WAYS, score
from jaxgen.families.score.bound import diffusion_bound
from jaxgen.families.score.likelihoods import bound, ode
from jaxgen.families.score.paths import variance_exploding
from jaxgen.losses.score import geometric_sigmas
from jaxgen.metrics.bits_per_dim import bits_per_dim
from jaxgen.runs import history
from jaxgen.types import Field

PROBABILITIES = np.array([0.1, 0.2, 0.4, 0.05, 0.25])
SIGMA_MAX, SIGMA_MIN = 100.0, 0.1  # between levels that are 0.5 apart


def exact_score(probabilities):
  """Of independent pixels with these probabilities of their levels."""
  values = np.linspace(-1, 1, len(probabilities))

  def score_fn(x, sigma):
    variance = sigma.reshape((-1,) + (1,) * x.ndim) ** 2
    logits = jnp.log(jnp.array(probabilities)) - (x[..., None] - values) ** 2 / (2 * variance)
    return ((jax.nn.softmax(logits) * values).sum(-1) - x) / variance[..., 0]

  return score_fn


def _bounds(num_levels, score_fn, terms=0, num=2000):
  """Mean and standard error of the bound for each of the five levels of one pixel."""
  x = jnp.repeat(jnp.arange(5), num)[:, None]
  sigmas = np.asarray(geometric_sigmas(SIGMA_MAX, SIGMA_MIN, num_levels))
  found = jax.jit(lambda x: diffusion_bound(score_fn, jax.random.key(0), x, sigmas, 5, terms))(x)
  found = np.asarray(found).reshape(5, num)
  return found.mean(1), found.std(1) / np.sqrt(num)


def test_the_bound_is_one_and_its_gap_shrinks_with_the_number_of_levels():
  gaps = []
  for num_levels in (15, 60, 240):
    mean, error = _bounds(num_levels, exact_score(PROBABILITIES))
    assert (mean < np.log(PROBABILITIES) + 4 * error).all()
    gaps.append((PROBABILITIES * (np.log(PROBABILITIES) - mean)).sum())
  assert gaps[0] > 3 * gaps[1] > 9 * gaps[2] > 0
  assert gaps[2] < 0.06  # nats, of 1.4


def test_a_wrong_score_makes_it_looser_and_no_less_a_bound():
  """The model of a wrong score is another one, and what it gives data is at most their entropy."""
  right, _ = _bounds(15, exact_score(PROBABILITIES))
  wrong, error = _bounds(15, lambda x, sigma: 0.8 * exact_score(PROBABILITIES[::-1])(x, sigma))
  assert (PROBABILITIES * wrong).sum() < (PROBABILITIES * right).sum() - 0.05
  assert np.exp(wrong - 4 * error).sum() < 1


@pytest.mark.parametrize('terms', [1, 4])
def test_drawn_terms_have_no_bias(terms):
  every, small = _bounds(15, exact_score(PROBABILITIES))
  drawn, error = _bounds(15, exact_score(PROBABILITIES), terms)
  np.testing.assert_allclose(drawn, every, atol=4 * (error + small).max())
  assert (error > small).all()


class Network(nn.Module):
  """A score that is known."""

  score_fn: object

  def __call__(self, x, sigma, given, train):
    return self.score_fn(x, sigma)


def _model(score_fn, likelihood, shape=(1,), levels=0, sigmas=(SIGMA_MAX, SIGMA_MIN)):
  sigmas = np.asarray(geometric_sigmas(*sigmas, 12))
  kind = 'image' if len(shape) == 3 else 'vector'
  slots = dict(
    path=variance_exploding(sigmas), way=WAYS['heun'](variance_exploding(sigmas), 0.5, num_steps=4, rho=7.0)
  )
  fixed = dict(tx=optax.sgd(0.0), ema_decay=0.5, x=Field(kind, shape, levels))
  return score(Network(score_fn), **slots, **fixed, likelihood=likelihood)


def _log_prob(model, x):
  return jax.jit(model.log_prob)({'network': {}}, {}, jax.random.key(1), {'x': jnp.asarray(x)})


def test_the_bound_of_a_model_is_in_bits_of_the_discrete_data():
  x = np.random.default_rng(0).choice(5, (500, 2, 2, 1), p=PROBABILITIES).astype(np.uint8)
  model = _model(exact_score(PROBABILITIES), bound(240), (2, 2, 1), 5)
  bits = bits_per_dim(_log_prob(model, x), (2, 2, 1), 5)
  log_mass = np.log2(PROBABILITIES)[x].mean()
  assert -log_mass - 0.02 < bits.mean() < -log_mass + 0.09


@pytest.mark.parametrize('level', [0, 8])
def test_by_the_bound_too_data_of_one_grey_value_cost_nothing(level):
  model = _model(exact_score(np.eye(17)[level]), bound(), (3, 3, 1), 17, sigmas=(400.0, 0.05))
  bits = bits_per_dim(_log_prob(model, np.full((20, 3, 3, 1), level, np.uint8)), (3, 3, 1), 17)
  np.testing.assert_allclose(bits, 0.0, atol=5e-3)


@pytest.mark.parametrize('std, tolerance', [(0.2, 1e-3), (0.05, 1e-3), (0.05, 1e-4)])
def test_to_a_tolerance_the_density_of_a_mixture_is_exact_by_default(std, tolerance):
  """At points of the data and far from them, where few steps are as much as 170 nats off."""
  means = np.array([[-1.0, 0.5], [1.0, -0.5]])

  def log_density(x, sigma):
    parts = norm.logpdf(x[..., None, :], means, jnp.sqrt(std**2 + sigma**2)).sum(-1)
    return jax.nn.logsumexp(parts, axis=-1) - np.log(2)

  score_fn = lambda x, sigma: jax.vmap(jax.grad(log_density))(x, sigma)  # noqa: E731
  model = _model(score_fn, ode(tolerance=tolerance), (2,), sigmas=(1000.0, 0.02))
  x = means[np.arange(30) % 2] + std * np.random.default_rng(0).standard_normal((30, 2))
  x = np.append(x, np.linspace(-0.2, 0.2, 6)[:, None] * [1, 1], axis=0).astype(np.float32)
  # six digits of the number itself are those of single precision
  np.testing.assert_allclose(_log_prob(model, x), log_density(x, 0.02), atol=tolerance, rtol=1e-6)


# The first is that of the path, which in float32 has other digits.
@pytest.mark.parametrize('end, most', [(0.1, 0.002), (0.2, 0.03), (0.4, 0.2)])
def test_wherever_the_ode_ends_discrete_data_have_a_bound_on_their_mass(end, most):
  """Tight where the noise hides nothing, and by so much looser as the decoder knows less."""
  x = np.repeat(np.arange(5), 400)[:, None].astype(np.uint8)
  found = _log_prob(_model(exact_score(PROBABILITIES), ode(tolerance=1e-3, end=end), levels=5), x) - np.log(5)
  found = np.asarray(found).reshape(5, 400)
  mean, error = found.mean(1), found.std(1) / 20
  assert np.exp(mean - 4 * error).sum() < 1 + 1e-3  # of all levels together
  assert -1e-3 < (PROBABILITIES * (np.log(PROBABILITIES) - mean)).sum() < most


@pytest.mark.parametrize('end', [0.1, 0.4])
def test_where_the_ode_ends_continuous_data_have_the_density_of_that_blur(end):
  model = _model(lambda x, sigma: -x / (0.5**2 + sigma[:, None] ** 2), ode(tolerance=1e-3, end=end), (1,))
  x = np.linspace(-1, 1, 5, dtype=np.float32)[:, None]
  expected = norm.logpdf(x[:, 0], scale=np.hypot(0.5, end))
  np.testing.assert_allclose(_log_prob(model, x), expected, atol=2e-3)


def test_more_probes_make_one_number_more_certain():
  """Signs have errors where directions are coupled; here each with the next, and the trace is that of all."""
  mixing = jnp.eye(6) + 0.4 * jnp.eye(6, k=1) + 0.4 * jnp.eye(6, k=-1)

  def score_fn(x, sigma):
    precision = jnp.linalg.inv(mixing + sigma[:, None, None] ** 2 * jnp.eye(6))
    return -jnp.einsum('bij,bj->bi', precision, x)

  x = np.tile(np.linspace(-1, 1, 6, dtype=np.float32), (200, 1))
  spread = {
    probes: float(_log_prob(_model(score_fn, ode(20, probes), (6,)), x).std()) for probes in (0, 1, 16)
  }
  assert spread[0] < 1e-4
  assert spread[16] == pytest.approx(spread[1] / 4, rel=0.2)


@pytest.mark.parametrize('likelihood, shape, levels, stated', [
  (ode(20, 3), (6, 6, 1), 5, dict(kind='ODE estimate of a lower bound', ode_steps=20, probes=3, noise_draws=1,
   smallest_noise=0.1)),
  (ode(20, 3, 0.01), (2,), 0, dict(kind='ODE estimate for blurred data', ode_steps=2000, tolerance=0.01,
   smallest_noise=0.1)),
  (ode(20, 0, end=0.4), (2,), 0, dict(kind='ODE estimate for blurred data', ode_steps=20, smallest_noise=0.4)),
  (bound(), (6, 6, 1), 5, dict(kind='lower bound', diffusion_levels=12, noise_draws=1)),
  (bound(100, 10), (6, 6, 1), 5,
   dict(kind='lower bound', diffusion_levels=100, drawn_terms=10, noise_draws=1)),
])  # fmt: skip
def test_the_estimate_says_what_it_took(likelihood, shape, levels, stated):
  estimate = _model(exact_score(PROBABILITIES), likelihood, shape, levels).log_prob_estimate
  assert {name: value for name, value in estimate._asdict().items() if value} == stated
  assert estimate.is_slow


@pytest.mark.parametrize('settings, words', [
  (('ode', dict(num_steps=0)), 'num_steps must be at least 1'),
  (('ode', dict(tolerance=-1.0)), 'must not be negative'),
  (('ode', dict(end=0.05)), 'has those from 0.1 to 100, not at 0.05; set end=0'),
  (('ode', dict(end=100.0)), 'not at 100'),
  (('bound', dict(num_levels=1)), 'at least two levels'),
  (('bound', dict(terms=12)), 'of 12 levels there are 11 steps'),
])  # fmt: skip
def test_what_is_no_likelihood_is_refused(settings, words):
  name, values = settings
  with pytest.raises(ValueError, match=words):
    _model(exact_score(PROBABILITIES), LIKELIHOODS[name](**values), levels=5)


def test_a_config_that_asks_for_the_bound_of_continuous_data_is_refused():
  config = config_files.load('ncsn_toy:smoke')
  config.model.likelihood = dict(name='bound')
  with pytest.raises(UserError, match=r'config.model.likelihood.bound cannot .* continuous data'):
    experiment.build_model(experiment.completed(data.resolve(config)))


def test_a_run_from_before_likelihoods_had_names_went_along_the_ode():
  values = config_files.load('ncsn_toy:smoke').to_dict()
  del values['model']['likelihood']
  values['model']['ode_steps'] = 7
  likelihood = history.from_dict(values).model.likelihood
  assert (likelihood.name, likelihood.ode.num_steps) == ('ode', 7)
