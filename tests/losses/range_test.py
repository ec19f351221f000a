"""One contract for every loss: finite values and gradients for whatever finite numbers a network puts out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.losses import autoregressive, distillation, flow, gan, logistic_mixture, quantization, score, vae

EDGE = (0.0, 1.0, 15.0, 50.0, 60.0, 85.0, 90.0, 100.0, 1e3, 1e4)
SWEEP = np.array([sign * value for value in EDGE for sign in (-1, 1)], np.float32)
RNG = jax.random.key(0)


def _levels(num):
  """Arrays of `num` independent sweeps, and pixels that stand at the lowest, a middle and the highest level."""
  grids = jnp.meshgrid(*[SWEEP] * num, jnp.array([0.0, 7.0, 15.0]), indexing='ij')
  return [grid.reshape(-1, 1) for grid in grids]


def _numbers(like, value):
  return jnp.full(len(like), value)


def _discretized(mean, log_scale, x):
  return vae.discretized_logistic_nll(x, mean=mean, log_scale=log_scale, levels=16)


def _mixture_nll(a, b):
  """Of three coupled channels, each a mixture of two."""
  pairs = jnp.concatenate([a, b], 1), jnp.concatenate([b, a], 1)
  logits, means, log_scales = pairs[0], *(jnp.repeat(pair[:, None], 3, axis=1) for pair in pairs)
  mixture = logistic_mixture.LogisticMixture(logits, means, log_scales)
  x = jnp.tile(jnp.array([0, 7, 15]), (len(a), 1))
  entries = logistic_mixture.coupled(x, mixture, means, levels=16)
  return logistic_mixture.logistic_mixture_nll(x, entries, levels=16)


def _distilled(a, b):
  """A student and a teacher of two components, that are certain, uncertain or far from each other."""
  draws = distillation.logistic_draws(jnp.array([[[-8.0, 8.0]]]) + 0 * a[..., None], means=a, log_scales=b)
  parts = jnp.stack([a, b], -1), jnp.stack([-b, a], -1), jnp.stack([a, b], -1)
  taught = distillation.cross_entropy(draws, logistic_mixture.LogisticMixture(*parts))
  kl = taught - distillation.logistic_entropy(b)
  x = jnp.concatenate([a, b, a], 1)
  power = distillation.power_loss(x, x[:, ::-1], frame=2, hop=1)
  return distillation.contrastive(kl, taught, 0.3) + power


def _both(loss, a, b):
  """What both players of a game minimize that hears more than logits."""
  classes, labels = jnp.concatenate([a, b], 1), jnp.zeros(len(a), jnp.int32)
  said = {
    'real_logits': a[:, 0],
    'fake_logits': b[:, 0],
    'real_classes': classes,
    'fake_classes': classes[:, ::-1],
    'real_features': a,
    'fake_features': b,
    'real_labels': labels,
    'fake_labels': labels,
  }
  heard = {name: said[name] for name in loss.needs}
  return loss.discriminator(**heard) + loss.generator(**heard)


def _doubly_reparameterized(mean, log_var):
  z = vae.reparameterize(RNG, mean=mean, log_var=log_var)
  draws, zeros = vae.doubly_reparameterized(jnp.stack([z, mean]))
  log_weights = [
    vae.log_normal(draw, mean=jnp.zeros_like(mean), log_var=jnp.zeros_like(mean))
    - vae.log_normal(draw, mean=jax.lax.stop_gradient(mean), log_var=jax.lax.stop_gradient(log_var))
    for draw in draws
  ]
  return vae.importance_weighted_bound(jnp.stack(log_weights) + zeros)


LOSSES = {
  'reparameterize': lambda a, b: vae.reparameterize(RNG, mean=a, log_var=b),
  'log_normal': lambda a, b: vae.log_normal(jnp.ones_like(a), mean=a, log_var=b),
  'log_normal of x': lambda a, b: vae.log_normal(a, mean=jnp.ones_like(a), log_var=b),
  'kl_standard_normal': lambda a, b: vae.kl_standard_normal(mean=a, log_var=b),
  'kl_normal': lambda a, b: vae.kl_normal(mean=a, log_var=b, prior_mean=b, prior_log_var=a),
  'bernoulli_nll': lambda a, b: vae.bernoulli_nll(jax.nn.sigmoid(b), logits=a),
  'gaussian_nll': lambda a, b: vae.gaussian_nll(b, mean=a, sigma=0.01),
  'laplace_nll': lambda a, b: vae.laplace_nll(b, mean=a, scale=0.01),
  'importance_weighted_bound': lambda a, b: vae.importance_weighted_bound(jnp.concatenate([a, b], 1).T),
  'dreg': lambda a, b: _doubly_reparameterized(a, b),
  'monte_carlo_kl': lambda a, b: vae.monte_carlo_kl(log_q=a.T, log_p=b.T),
  'free_bits': lambda a, b: vae.free_bits(jnp.concatenate([a, b], 1), 0.5),
  **{
    f'mmd, {name}': lambda a, b, kernel=kernel: (
      vae.squared_mmd(jnp.concatenate([a, b], 1), a - b + jnp.array([[1.0, 2.0]]), kernel=kernel)[None]
      + vae.unbiased_squared_mmd(a, b, kernel=kernel)
    )
    for name, kernel in vae.KERNELS.items()
  },
  'categorical_nll': lambda a, b: autoregressive.categorical_nll(
    jnp.concatenate([a, b], 1), jnp.zeros(len(a), jnp.int32)
  ),
  'codebook_distance': lambda a, b: quantization.codebook_distance(a, codes=b),
  'commitment': lambda a, b: quantization.commitment(a, codes=b),
  'vector_quantization': lambda a, b: quantization.vector_quantization(a, codes=b),
  'logistic_mixture_nll': _mixture_nll,
  'distillation': _distilled,
  'score.denoising_error': lambda a, b: score.denoising_error(a, b, _numbers(a, 0.01)),
  'score.prior_kl': lambda a, b: score.prior_kl(
    a - b, sigma=_numbers(a, 0.01), prior_sigma=_numbers(a, 100.0)
  ),
  'score.step_kl': lambda a, b: score.step_kl(a, b, sigma=_numbers(a, 0.02), next_sigma=_numbers(a, 0.01)),
  **{
    f'score.decoder_nll, sigma {sigma}': lambda a, b, sigma=sigma: sum(
      score.decoder_nll(jnp.full(a.shape, x), mean=mean, sigma=_numbers(a, sigma), levels=256)
      for x in (0, 7, 255)
      for mean in (a, b)
    )
    for sigma in (1e-3, 0.01, 1.0, 1e3)
  },
  'score.flow_matching': lambda a, b: score.flow_matching(lambda x, t: x * a, a, b, _numbers(a, 0.5)),
  'standard_normal': lambda a, b: flow.log_prob(a, b[:, 0], flow.standard_normal()),
  'standard_logistic': lambda a, b: flow.log_prob(a, b[:, 0], flow.standard_logistic()),
  **{
    f'gan.{name}': lambda a, b, loss=loss: (
      loss.discriminator(real_logits=a, fake_logits=b) + loss.generator(real_logits=a, fake_logits=b)
    )
    for name, loss in gan.PAIRS.items()
  },
  'gan.k_plus_one': lambda a, b: _both(gan.k_plus_one, a, b),
  'gan.auxiliary_classifier': lambda a, b: _both(gan.auxiliary_classifier(gan.non_saturating), a, b),
  'gan.feature_matching': lambda a, b: _both(gan.feature_matching, a, b),
  **{
    f'gan.{name}': lambda a, b, penalty=penalty: penalty(lambda x: (x**2).sum(1), RNG, real=a, fake=b)
    for name, penalty in gan.PENALTIES.items()
  },
}


def _assert_finite(loss, *arguments):
  values = loss(*arguments)
  gradients = jax.grad(lambda *args: loss(*args).sum(), argnums=tuple(range(len(arguments))))(*arguments)
  for array in (values, *gradients):
    where = ~np.isfinite(np.asarray(array)).reshape(len(array), -1).all(1)
    assert not where.any(), [np.asarray(a)[where][:5, 0].tolist() for a in arguments]


@pytest.mark.parametrize('name', LOSSES)
def test_values_and_gradients_are_finite(name):
  _assert_finite(LOSSES[name], *(grid[::3] for grid in _levels(2)[:2]))


def test_the_discretized_logistic_is_finite_at_every_level():
  mean, log_scale, x = _levels(2)
  _assert_finite(lambda mean, log_scale: _discretized(mean, log_scale, x), mean, log_scale)


def test_a_wide_discretized_logistic_keeps_its_logarithm():
  """Far wider than the range, a bin within it has the mass of the density's peak, 1 / (4 s)."""
  log_scale = jnp.array([[20.0], [85.0], [100.0]])
  half, seven = jnp.full_like(log_scale, 0.5), jnp.full_like(log_scale, 7.0)
  value, slope = jax.vjp(lambda log_scale: _discretized(half, log_scale, seven), log_scale)
  np.testing.assert_allclose(value, log_scale[:, 0] + np.log(15) + np.log(4), rtol=1e-6)
  np.testing.assert_allclose(slope(jnp.ones(3))[0], np.ones((3, 1)), rtol=1e-5)


@pytest.mark.parametrize('log_var', [-41.0, -90.0, -1e4])
def test_a_variance_too_small_for_float32_still_has_a_way_back(log_var):
  """The gradient widens a density that misses x, and is that of the logarithm alone where it does not."""
  value = jnp.full((1, 1), log_var)
  slope = jax.grad(lambda v, x: vae.log_normal(x, mean=jnp.zeros((1, 1)), log_var=v).sum())
  assert slope(value, jnp.ones((1, 1))) > 1e3
  np.testing.assert_allclose(slope(value, jnp.zeros((1, 1))), [[-0.5]])
