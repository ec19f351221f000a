"""Distillation against closed forms, quadrature in float64 and a brute-force integral over two entries."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from jaxgen.losses import distillation
from jaxgen.losses.logistic_mixture import LogisticMixture, logistic_mixture_log_masses


def quantiles(num):
  """Standard logistic noise whose mean of a smooth function is its expectation nearly: f32[num]."""
  return jnp.asarray(special.logit((np.arange(num) + 0.5) / num), jnp.float32)


def single(means, log_scales):
  """A teacher of one component: f32[...] -> f32[..., 1] each."""
  return LogisticMixture(jnp.zeros_like(means)[..., None], means[..., None], log_scales[..., None])


def test_the_entropy_is_that_of_logistics():
  log_scales = jnp.array([[0.0, -3.0], [1.0, 2.0]])
  expected = stats.logistic(scale=np.exp(np.float64(log_scales))).entropy().sum(1)
  np.testing.assert_allclose(distillation.logistic_entropy(log_scales), expected, rtol=1e-6)
  np.testing.assert_allclose(distillation.logistic_entropy(log_scales), [1, 7])


@pytest.mark.parametrize('student', [(0.0, 0.0), (0.4, -0.7), (-1.5, 1.0)])
def test_the_divergence_of_two_logistics_is_the_integral(student):
  teacher = (0.2, -0.3)
  p, q = (stats.logistic(mean, np.exp(log_scale)) for mean, log_scale in (student, teacher))
  expected, _ = integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -60, 60)
  (mean, log_scale), taught = (jnp.array(pair).reshape(2, 1, 1) for pair in (student, teacher))
  draws = distillation.logistic_draws(quantiles(4096)[None, None], means=mean, log_scales=log_scale)
  kl = distillation.cross_entropy(draws, single(*taught))
  np.testing.assert_allclose(kl - distillation.logistic_entropy(log_scale), expected, atol=2e-3)


def test_the_density_of_a_mixture_is_the_limit_of_its_masses():
  mixture = LogisticMixture(jnp.array([0.3, -1.0]), jnp.array([0.3, 0.6]), jnp.array([-2.0, -3.0]))
  levels = 4096
  masses = logistic_mixture_log_masses(mixture, levels)[1:-1]  # the outer ones have the tails
  x = jnp.arange(1, levels - 1) / (levels - 1)
  density = distillation.mixture_log_density(x, mixture)
  np.testing.assert_allclose(density, masses + np.log(levels - 1), atol=1e-3)


def _student(weights, noise):
  """x_1 = s z_1, x_t = s z_t + a x_t-1: f32[B, T] of noise -> the entries, and each one's mean and log-scale."""
  a, log_scale = weights
  x, means = [jnp.exp(log_scale) * noise[:, 0]], [jnp.zeros(len(noise))]
  for z in noise.T[1:]:
    means.append(a * x[-1])
    x.append(means[-1] + jnp.exp(log_scale) * z)
  return jnp.stack(x, 1), jnp.stack(means, 1), jnp.full(noise.shape, log_scale)


def _teacher(weights, x):
  """The same as an autoregressive model: of the entries before."""
  a, log_scale = weights
  return single(a * jnp.pad(x, ((0, 0), (1, 0)))[:, :-1], jnp.full(x.shape, log_scale))


SAME = jnp.array([0.7, -1.0])


def test_a_student_that_is_its_teacher_has_nothing_to_learn():
  noise = jax.random.logistic(jax.random.key(0), (5, 4))
  inner = jnp.broadcast_to(quantiles(2048), (5, 4, 2048))

  def kl(weights):
    x, means, log_scales = _student(weights, noise)
    draws = distillation.logistic_draws(inner, means=means, log_scales=log_scales)
    values = distillation.cross_entropy(draws, _teacher(SAME, x))
    return (values - distillation.logistic_entropy(log_scales)).mean()

  value, gradient = jax.jit(jax.value_and_grad(kl))(SAME)
  np.testing.assert_allclose(value, 0, atol=3e-3)
  np.testing.assert_allclose(gradient, [0, 0], atol=3e-3)
  value, gradient = jax.jit(jax.value_and_grad(kl))(jnp.array([0.5, -0.9]))
  assert value > 0.05 and gradient[0] < -0.05 and gradient[1] > 0.05


def test_the_mean_of_the_estimate_is_a_brute_force_integral_over_two_entries():
  """A student that is no logistic as a whole, and a teacher of two components, in NumPy's float64."""

  def student(z, xp):
    log_scales = xp.stack([0 * z[:, 0] - 0.5, 0.4 * xp.tanh(z[:, 0]) - 1], 1)
    means = xp.stack([0 * z[:, 0] + 0.2, 0.5 * xp.sin(z[:, 0])], 1)
    return means + xp.exp(log_scales) * z, means, log_scales

  def teacher(x, xp):
    first, one = x[:, 0], xp.ones_like(x[:, 0])
    means = xp.stack([xp.stack([0 * one, 0.5 * one], -1), xp.stack([0.6 * first, -first], -1)], 1)
    return xp.zeros_like(means), means, xp.zeros_like(means) - 0.4

  grid = special.logit((np.arange(400) + 0.5) / 400)
  z = np.stack(np.meshgrid(grid, grid, indexing='ij'), -1).reshape(-1, 2)
  x, _, log_scales = student(z, np)
  _, means, scales = teacher(x, np)
  each = stats.logistic.logpdf(x[..., None], means, np.exp(scales))
  log_q = special.logsumexp(each + np.log(0.5), axis=-1).sum(1)
  expected = (stats.logistic.logpdf(z).sum(1) - log_scales.sum(1) - log_q).mean()

  noise = np.random.default_rng(0)
  num = 20_000

  @jax.jit
  def estimate(z, inner):
    x, means, log_scales = student(z, jnp)
    draws = distillation.logistic_draws(inner, means=means, log_scales=log_scales)
    kl = distillation.cross_entropy(draws, LogisticMixture(*teacher(x, jnp)))
    return kl - distillation.logistic_entropy(log_scales)

  kl = np.asarray(estimate(noise.logistic(size=(num, 2)), noise.logistic(size=(num, 2, 3))))
  assert abs(kl.mean() - expected) < 4 * kl.std() / np.sqrt(num) + 2e-3
  assert kl.std() / np.sqrt(num) < 0.015 and expected > 0.05


def test_other_conditions_push_away():
  kl, other = jnp.array([1.0, 2.0]), jnp.array([3.0, 10.0])
  np.testing.assert_allclose(distillation.contrastive(kl, other, 0.3), [0.1, -1.0], rtol=1e-5)
  with pytest.raises(ValueError, match=r'gamma must be in \[0, 1\), not 1'):
    distillation.contrastive(kl, other, 1.0)
  with pytest.raises(ValueError, match='other_kl'):
    distillation.contrastive(kl, other[:, None], 0.3)


def test_the_power_of_a_sine_is_at_its_frequency_and_shifts_do_not_count():
  time = np.arange(512)
  sine = jnp.asarray(0.8 * np.sin(2 * np.pi * 8 * time / 64)[None], jnp.float32)
  spectrum = jax.jit(partial(distillation.power_spectrum, frame=64, hop=16))
  power = spectrum(sine)[0]
  np.testing.assert_allclose(power[8], 0.8**2 / 4, rtol=1e-4)
  np.testing.assert_allclose(np.delete(power, [7, 8, 9]), 0, atol=1e-6)
  shifted = jnp.roll(sine, 3, axis=1)
  loss = jax.jit(partial(distillation.power_loss, frame=64, hop=16))
  np.testing.assert_allclose(loss(sine, shifted), [0], atol=1e-8)
  # of half of the amplitude three quarters of the power are missing, and of a quarter of it at the bins beside
  missing = 0.75 * 0.16
  np.testing.assert_allclose(loss(sine / 2, sine), [missing**2 * (1 + 2 / 16)], rtol=1e-3)


def test_silence_has_a_gradient():
  loss = lambda x: distillation.power_loss(x, x + 1.0, frame=4, hop=2).sum()  # noqa: E731
  gradient = jax.jit(jax.grad(loss))(jnp.zeros((1, 8)))
  assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
  ('call', 'sentence'),
  [
    (lambda a: distillation.logistic_entropy(a[0]), 'log_scales must be of rank 2'),
    (lambda a: distillation.logistic_draws(a, means=a, log_scales=a), 'noise must be of rank 3'),
    (
      lambda a: distillation.logistic_draws(a[..., None], means=a, log_scales=a[:, :2]),
      'log_scales has shape',
    ),
    (lambda a: distillation.cross_entropy(a, single(a, a)), 'draws must be of rank 3'),
    (lambda a: distillation.cross_entropy(a[..., None], single(a[:, :2], a[:, :2])), 'mixture has shape'),
    (lambda a: distillation.power_loss(a, a[:1], frame=2, hop=1), 'real has shape'),
    (
      lambda a: distillation.power_loss(a, a, frame=4, hop=1),
      'frames of 4 entries every 1 do not fit examples of 3',
    ),
  ],
)
def test_what_does_not_fit_is_named(call, sentence):
  with pytest.raises(ValueError, match=sentence):
    call(jnp.zeros((2, 3)))
