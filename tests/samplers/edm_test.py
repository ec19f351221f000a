import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.samplers import edm, heun, karras_levels, run
from tests.samplers.densities import gaussian_score, last, mixture_score


def denoiser(x, t):
  """D(x; t) of data at +2 and -2, each N(., 0.25), in numpy: a mean of what each part would be denoised to."""
  log_part = [-((x - m) ** 2).sum(-1, keepdims=True) / (2 * (0.25 + t**2)) for m in (-2.0, 2.0)]
  share = 1 / (1 + np.exp(log_part[0] - log_part[1]))
  clean = [m + 0.25 / (0.25 + t**2) * (x - m) for m in (-2.0, 2.0)]
  return (1 - share) * clean[0] + share * clean[1]


def algorithm_2(x, t, noise, s_churn, s_tmin, s_tmax, s_noise):
  """Karras et al. 2022, algorithm 2, line by line; `noise[i]` is N(0, I)."""
  num = len(t) - 1
  for i in range(num):
    gamma = min(s_churn / num, np.sqrt(2) - 1) if s_tmin <= t[i] <= s_tmax else 0.0
    epsilon = s_noise * noise[i]
    t_hat = t[i] + gamma * t[i]
    x_hat = x + np.sqrt(t_hat**2 - t[i] ** 2) * epsilon
    d = (x_hat - denoiser(x_hat, t_hat)) / t_hat
    x = x_hat + (t[i + 1] - t_hat) * d
    if t[i + 1] != 0:
      d_prime = (x - denoiser(x, t[i + 1])) / t[i + 1]
      x = x_hat + (t[i + 1] - t_hat) * (d / 2 + d_prime / 2)
  return x


@pytest.mark.parametrize(
  'settings', [(0.0, 0.0, np.inf, 1.0), (4.0, 0.05, 20.0, 1.007), (80.0, 0.0, 50.0, 1.0)]
)
def test_the_published_algorithm(settings):
  t = karras_levels(80.0, 0.002, 18).astype(np.float64)
  with jax.enable_x64(True):
    x = 80.0 * np.random.default_rng(0).standard_normal((5, 2))
    rng = jax.random.key(3)
    noise = [jax.random.normal(jax.random.fold_in(rng, i), x.shape) for i in range(18)]
    names = ('churn', 'churn_min', 'churn_max', 'noise_scale')
    found = run(edm(mixture_score, t, **dict(zip(names, settings, strict=True))), rng, jnp.asarray(x), 18)[0]
    np.testing.assert_allclose(
      found.position, algorithm_2(x, t, np.asarray(noise), *settings), rtol=1e-6, atol=1e-9
    )


def test_without_churn_it_is_heun():
  levels, x = karras_levels(50.0, 0.01, 6), jnp.array([[30.0, -20.0], [1.0, 60.0]])
  np.testing.assert_allclose(
    last(edm(mixture_score, levels), x, 6), last(heun(mixture_score, levels), x, 6), rtol=1e-6
  )


def test_churn_leaves_gaussian_data_as_they_are():
  levels = karras_levels(20.0, 0.01, 40)
  x = 20.0 * jax.random.normal(jax.random.key(0), (4000, 2))
  end = last(edm(gaussian_score(0.7, 1.5), levels, churn=10.0), x, 40)
  # 0.03 is three standard errors, and what is left of a start that knows nothing of the data.
  np.testing.assert_allclose([end.mean(), end.std()], [1.5, 0.7], atol=0.03)
