import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import ddim, ddpm, euler_maruyama, run
from tests.samplers.densities import gaussian_score, last

MEAN, STD = 1.5, 0.5
BETA = np.linspace(1e-3, 0.3, 20)
ALPHA_BAR = np.cumprod(1 - BETA)
# sigma_T, ..., sigma_1, 0
LEVELS = np.append(np.sqrt(1 / ALPHA_BAR - 1)[::-1], 0.0)


def predicted_noise(x, alpha_bar):
  """The best epsilon_theta(x_t, t) for data N(MEAN, STD^2): of x_t ~ N(sqrt(a) MEAN, a STD^2 + 1 - a)."""
  return np.sqrt(1 - alpha_bar) * (x - np.sqrt(alpha_bar) * MEAN) / (alpha_bar * STD**2 + 1 - alpha_bar)


def algorithm_2(x, noise, variance):
  """Ho et al. 2020, algorithm 2, line by line, in its own scale; `noise[0]` belongs to t = T."""
  for t in range(len(BETA), 0, -1):
    alpha, alpha_bar, before = 1 - BETA[t - 1], ALPHA_BAR[t - 1], ALPHA_BAR[t - 2] if t > 1 else 1.0
    sigma_t = {'beta': BETA[t - 1], 'beta_tilde': (1 - before) / (1 - alpha_bar) * BETA[t - 1]}[
      variance
    ] ** 0.5
    z = noise[len(BETA) - t] if t > 1 else 0.0
    mean = (x - (1 - alpha) / np.sqrt(1 - alpha_bar) * predicted_noise(x, alpha_bar)) / np.sqrt(alpha)
    x = mean + sigma_t * z
  return x


def equation_12(x, noise, eta):
  """Song, Meng & Ermon 2021, equations 12 and 16, in their scale, where alpha is a product."""
  for t in range(len(BETA), 0, -1):
    alpha, before = ALPHA_BAR[t - 1], ALPHA_BAR[t - 2] if t > 1 else 1.0
    sigma_t = eta * np.sqrt((1 - before) / (1 - alpha)) * np.sqrt(1 - alpha / before)
    epsilon = predicted_noise(x, alpha)
    clean = (x - np.sqrt(1 - alpha) * epsilon) / np.sqrt(alpha)
    x = np.sqrt(before) * clean + np.sqrt(1 - before - sigma_t**2) * epsilon + sigma_t * noise[len(BETA) - t]
  return x


@pytest.mark.parametrize(
  'sampler, settings, published, choice',
  [
    (ddpm, {'data_std': 0.0}, algorithm_2, 'beta_tilde'),
    (ddpm, {'data_std': 1.0}, algorithm_2, 'beta'),
    (ddim, {'eta': 0.0}, equation_12, 0.0),
    (ddim, {'eta': 0.7}, equation_12, 0.7),
    (ddim, {'eta': 1.0}, equation_12, 1.0),
  ],
)
def test_the_published_steps_in_their_own_scale(sampler, settings, published, choice):
  with jax.enable_x64(True):
    x, rng = np.random.default_rng(0).standard_normal((4, 3)), jax.random.key(2)
    noise = np.asarray([jax.random.normal(jax.random.fold_in(rng, i), x.shape) for i in range(len(BETA))])
    start = jnp.asarray(x / np.sqrt(ALPHA_BAR[-1]))
    found = run(sampler(gaussian_score(STD, MEAN), LEVELS, **settings), rng, start, len(BETA))[0].position
    np.testing.assert_allclose(found, published(x, noise, choice), rtol=1e-9)


def test_ddim_with_all_noise_is_ddpm_with_the_smaller_variance():
  start, score_fn = LEVELS[0] * jax.random.normal(jax.random.key(0), (4, 3)), gaussian_score(STD, MEAN)
  np.testing.assert_allclose(
    last(ddim(score_fn, LEVELS, 1.0), start, 20),
    last(ddpm(score_fn, LEVELS), start, 20),
    rtol=1e-4,
    atol=1e-5,
  )


def start_of(sigma):
  """Draws of the blurred data, four standard errors of whose variance are 2.5 %."""
  return MEAN + np.sqrt(STD**2 + sigma**2) * jax.random.normal(jax.random.key(5), (50_000,))


def test_gaussian_data_as_wide_as_they_are_said_to_be_are_exact_in_three_steps():
  levels = [10.0, 3.0, 0.6, 0.2]
  for data_std, variance in ((STD, STD**2 + 0.2**2), (0.0, None), (10.0, None)):
    end = last(ddpm(gaussian_score(STD, MEAN), levels, data_std), start_of(10.0), 3)
    assert float(end.mean()) == pytest.approx(MEAN, abs=0.02)
    if variance is None:  # with another spread they are too narrow, or too wide
      assert abs(end.var() / (STD**2 + 0.2**2) - 1) > 0.15
    else:
      assert float(end.var()) == pytest.approx(variance, rel=0.025)


@pytest.mark.parametrize('last_level', [0.2, 0.0])
def test_the_reverse_diffusion_is_too_wide_by_a_closed_form(last_level):
  levels = [10.0, 3.0, 0.6, last_level]
  variance = STD**2 + 10.0**2
  for here, there in zip(levels, levels[1:], strict=False):
    drop = here**2 - there**2
    variance = (1 - drop / (STD**2 + here**2)) ** 2 * variance + drop * (there > 0)
  end = last(euler_maruyama(gaussian_score(STD, MEAN), levels), start_of(10.0), 3)
  assert float(end.mean()) == pytest.approx(MEAN, abs=0.02)
  assert float(end.var()) == pytest.approx(variance, rel=0.025)


def test_eta_is_a_share():
  with pytest.raises(ValueError, match='eta'):
    ddim(gaussian_score(STD), LEVELS, 1.5)
