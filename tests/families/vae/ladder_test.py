"""A ladder of two levels with one number each, whose density and posterior are known."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.vae import LIKELIHOODS, diagonal_gaussian, elbo, ladder, standard_normal, vae
from jaxgen.losses import vae as losses
from jaxgen.types import Field

# z_2 ~ N(0, 1), z_1 ~ N(SLOPE z_2 + SHIFT, SCALE^2), x ~ N(GAIN z_1 + BIAS, SIGMA^2)
SLOPE, SHIFT, SCALE, GAIN, BIAS, SIGMA = 1.5, -0.4, 0.7, 2.0, 0.3, 0.5
NOISE = SCALE**2 + SIGMA**2 / GAIN**2  # of (x - BIAS) / GAIN about SLOPE z_2 + SHIFT
X = jax.random.normal(jax.random.key(0), (6, 1))


class Encoder(nn.Module):
  """The exact posterior of z_2, and what x alone says of z_1; all variances `too_wide` times as large."""

  too_wide: float

  @nn.compact
  def __call__(self, x, given, train):
    seen = (x - BIAS) / GAIN
    variance = 1 / (1 + SLOPE**2 / NOISE)
    top = variance * SLOPE / NOISE * (seen - SHIFT), variance
    pairs = (seen, SIGMA**2 / GAIN**2), top
    return tuple((mean, jnp.full_like(mean, np.log(self.too_wide * var))) for mean, var in pairs)


class TopDown(nn.Module):
  def __call__(self, level, above, train):
    assert level == 0
    return SLOPE * above + SHIFT, jnp.full_like(above, 2 * np.log(SCALE))

  def all_levels(self, above):
    return [self(level, z, train=False) for level, z in enumerate(above)]


class Decoder(nn.Module):
  @nn.compact
  def __call__(self, z, given, train):
    return (GAIN * z + BIAS)[..., None]


def _model(too_wide=1.0, importance_samples=1):
  x = Field('vector', (1,), 0)
  return vae(
    Encoder(too_wide),
    Decoder(),
    prior=standard_normal(2),
    posterior=ladder(TopDown(), (1, 1)),
    objective=elbo(),
    likelihood=LIKELIHOODS['gaussian'](x, SIGMA),
    tx=optax.sgd(0.1),
    ema_decay=0.9,
    x=x,
    importance_samples=importance_samples,
  )


def _run(function, *args):
  return function({'encoder': {}, 'decoder': {}, 'top_down': {}}, {}, jax.random.key(1), *args)


def _exact(x):
  variance = GAIN**2 * (SLOPE**2 + SCALE**2) + SIGMA**2
  residual = np.asarray(x)[:, 0] - GAIN * SHIFT - BIAS
  return -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))


def test_one_draw_is_exact_where_the_posterior_is():
  """The weight of every draw is p(x): the precisions are weighed as they have to be."""
  np.testing.assert_allclose(_run(_model().log_prob, {'x': X}), _exact(X), rtol=1e-4)
  params, _ = _model().init(jax.random.key(0), {})
  assert params.keys() == {'encoder', 'decoder', 'top_down'}


def test_importance_sampling_comes_from_below_to_the_density():
  x = jnp.tile(X[:1], (500, 1))
  few, many = (_run(_model(2.5, num).log_prob, {'x': x}).mean() for num in (1, 300))
  exact = _exact(X[:1])[0]
  assert few < exact - 0.1
  np.testing.assert_allclose(many, exact, atol=0.02)


def test_the_levels_share_the_kl():
  x = jnp.tile(X[:1], (20000, 1))
  terms = _run(_model(2.0).evaluate, {'x': x})
  np.testing.assert_allclose(terms['kl_level_1'] + terms['kl_level_2'], terms['kl'], rtol=1e-5)
  levels = [terms[f'kl_level_{level}'].mean() for level in (1, 2)]
  np.testing.assert_allclose(terms['kl_per_latent'].mean(0), levels, rtol=0.05)  # each by a draw of its own
  mean, log_var = Encoder(2.0).apply({}, x, {}, False)[1]
  exact = losses.kl_standard_normal(mean=mean, log_var=log_var)
  np.testing.assert_allclose(terms['kl_level_2'], exact, rtol=1e-5)
  np.testing.assert_allclose(terms['elbo'].mean(), _run(_model(2.0).log_prob, {'x': x}).mean(), atol=0.02)


def test_draws_of_the_prior_are_draws_of_the_model():
  x = _run(_model().sample, 20000)
  np.testing.assert_allclose(x.mean(), GAIN * SHIFT + BIAS, atol=0.06)
  np.testing.assert_allclose(x.var(), GAIN**2 * (SLOPE**2 + SCALE**2) + SIGMA**2, rtol=0.03)


def test_a_reconstruction_follows_the_means_down():
  """E[z_1|x] of the exact posterior, through the decoder."""
  model = _model()
  latents = _run(model.encode, {'x': X})
  assert latents.shape == (6, 2) and model.levels == (1, 1)
  variance = SLOPE**2 + SCALE**2
  z = SHIFT + variance * GAIN / (GAIN**2 * variance + SIGMA**2) * (X - GAIN * SHIFT - BIAS)
  again = model.decode({'encoder': {}, 'decoder': {}, 'top_down': {}}, {}, latents)
  np.testing.assert_allclose(again, GAIN * z + BIAS, rtol=1e-4, atol=1e-5)


def test_far_outputs_of_networks_stay_finite():
  posterior, prior = ladder(TopDown(), (1, 1)), standard_normal(2).under({})

  def loss(outputs):
    apply = lambda name, params, extra, *args, train: (TopDown().apply({}, *args, train=train), extra)  # noqa: E731
    drawn, _ = posterior.draw(apply, {}, {}, jax.random.key(0), outputs, prior=prior, train=True)
    return drawn.kl.sum() + drawn.z.sum()

  for size in (1e4, -1e4):
    outputs = ((jnp.full((2, 1), size), jnp.full((2, 1), size)),) * 2
    value, gradient = jax.value_and_grad(loss)(outputs)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((value, gradient)))


def test_one_level_is_no_ladder():
  with pytest.raises(ValueError, match='at least 2 levels, not 1'):
    ladder(TopDown(), (3,))
  assert not diagonal_gaussian(3).levels
