"""A flow as a posterior and as a prior: the bound closes upon log p(x), which is a numerical integral here."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.bijectors import Autoregressive, Chain, Coupling, Inverse, Planar, masks, transforms
from jaxgen.families.conditioners import MLP
from jaxgen.families.networks import Part, assembled
from jaxgen.families.vae import (
  LIKELIHOODS,
  diagonal_gaussian,
  elbo,
  flow_posterior,
  flow_prior,
  standard_normal,
  vae,
)
from jaxgen.nn.made import MADE
from jaxgen.types import Field
from tests.tiny_flow import OneWay

CONTEXT, X = 3, Field('vector', (3,), 5)
BOUNDED = transforms.affine(transforms.bounded_log_scale(1.0))
SIGMOID = transforms.affine(transforms.sigmoid_log_scale)


class Encoder(nn.Module):
  """Wide, so that what is drawn reaches all of p(z|x)."""

  dims: int
  context: int

  @nn.compact
  def __call__(self, x, given, train):
    h = nn.Dense(2 * self.dims + self.context)(x)
    mean, log_var, context = jnp.split(h / 4, [self.dims, 2 * self.dims], axis=-1)
    return (mean, log_var + 1, context) if self.context else (mean, log_var + 1)


class Decoder(nn.Module):
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    h = jnp.tanh(nn.Dense(8)(z))
    return nn.Dense(3 * self.outputs)(h).reshape(-1, 3, self.outputs)


def planar(dims):
  return Chain(tuple(Inverse(Planar(MLP(8, 0, 2 * dims + 1))) for _ in range(2)))


def iaf(dims):
  return Inverse(Autoregressive(MADE((8,), SIGMOID.num_params), SIGMOID))


def coupling(dims):
  features = BOUNDED.num_params * (dims - dims // 2)
  return Coupling(MLP(8, 1, features), BOUNDED, masks.halves())


def maf(dims):
  return Autoregressive(MADE((8,), BOUNDED.num_params), BOUNDED)


ROWS = {
  'planar': (2, planar, None),
  'planar_in_one_dimension': (1, planar, None),
  'iaf': (2, iaf, None),
  'coupling': (2, coupling, None),
  'flow_prior': (2, None, maf),
  'both': (2, iaf, coupling),
}


@pytest.mark.parametrize('name', ROWS)
def test_the_importance_weighted_bound_closes_upon_the_integral(name):
  dims, posterior, prior = ROWS[name]
  slots = dict(
    posterior=flow_posterior(posterior(dims), dims, CONTEXT) if posterior else diagonal_gaussian(dims),
    prior=flow_prior(prior(dims), dims) if prior else standard_normal(dims),
  )
  likelihood = LIKELIHOODS['discretized_logistic'](X, 0.3)
  decoder = Decoder(likelihood.num_outputs)
  model = vae(
    Encoder(dims, CONTEXT if posterior else 0),
    decoder,
    objective=elbo(),
    likelihood=likelihood,
    tx=optax.sgd(0.1),
    ema_decay=0.9,
    x=X,
    importance_samples=20_000,
    **slots,
  )
  batch = {'x': jnp.asarray(np.random.default_rng(0).integers(5, size=(4, 3)), jnp.uint8)}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  noise = np.random.default_rng(1)
  params = jax.tree.map(lambda p: p + jnp.float32(0.3 * noise.standard_normal(p.shape)), params)
  assert set(params) == {'encoder', 'decoder'} | ({'posterior'} if posterior else set()) | (
    {'prior'} if prior else set()
  )

  side = 16 / 160
  places = [-8 + side * (np.arange(160) + 0.5)] * dims
  z = jnp.float32(np.stack(np.meshgrid(*places), -1).reshape(-1, dims))
  _, apply = assembled({'decoder': Part(decoder, lambda: (z[:1], {})), **slots['prior'].parts})

  @jax.jit
  def integral(params, extra):
    log_prior, _ = slots['prior'].log_prob(apply, params, extra, z, given={}, train=False)
    outputs, _ = apply('decoder', params, extra, z, {}, train=False)
    nll = jax.lax.map(lambda x: likelihood.nll(None, outputs, jnp.tile(x, (len(z), 1))), batch['x'])
    volume = 3 * likelihood.log_volume + dims * jnp.log(side)
    return jax.nn.logsumexp(log_prior - nll, axis=1) + volume, jax.nn.logsumexp(log_prior) + dims * np.log(
      side
    )

  exact, log_mass = integral(params, extra)
  np.testing.assert_allclose(log_mass, 0, atol=1e-3)
  bound = jax.jit(model.log_prob)(params, extra, jax.random.key(1), batch)
  np.testing.assert_allclose(bound, exact, atol=0.06)
  terms = jax.jit(model.evaluate)(params, extra, jax.random.key(2), batch)
  assert terms['kl'].shape == (4,) and np.isfinite(terms['loss']).all()
  latents = jax.jit(model.encode)(params, extra, jax.random.key(3), batch)
  draws = jax.jit(model.latents, static_argnums=3)(params, extra, jax.random.key(3), 4)
  assert latents.shape == draws.shape == (4, dims)
  assert model.decode(params, extra, draws).shape == (4, 3)


def test_latents_that_a_flow_cannot_take_are_refused_when_it_is_built():
  with pytest.raises(ValueError, match=r'posterior \(Coupling\): a coupling needs at least 2 channels'):
    flow_posterior(coupling(1), 1, CONTEXT)
  with pytest.raises(ValueError, match=r'prior \(Coupling\): a coupling needs at least 2 channels'):
    flow_prior(coupling(1), 1)


def test_a_slot_without_the_direction_that_it_needs_is_refused():
  with pytest.raises(ValueError, match='from noise to latents'):
    flow_posterior(OneWay(), 2, 1)
  with pytest.raises(ValueError, match='both directions'):
    flow_prior(Inverse(OneWay()), 2)
