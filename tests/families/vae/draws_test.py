"""Several draws of the latents in training: what they bound, and what they cost."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen import computing
from jaxgen.families.vae import (
  LIKELIHOODS,
  class_conditional,
  diagonal_gaussian,
  elbo,
  flow_posterior,
  flow_prior,
  infovae,
  iwae,
  mixture,
  standard_normal,
  vae,
)
from jaxgen.settings import vae_slots
from jaxgen.types import DATA_AXIS, Field, State
from tests.families.vae.family_test import SIGMA, LinearDecoder, LinearEncoder, _probabilistic_pca

LABEL = {'label': Field('label', (), 3)}


class Wide(nn.Module):
  """A decoder whose hidden layer is larger than all else."""

  width: int = 512

  @nn.compact
  def __call__(self, z, given, train):
    del given, train
    return nn.Dense(3)(nn.silu(nn.Dense(self.width)(z)))[..., None]


class Loud(nn.Module):
  """An encoder that is beside itself: means, log-variances and a context of 1e4 and -1e4, each with each."""

  context: bool = False

  @nn.compact
  def __call__(self, x, given, train):
    del given, train
    edge = 1e4 * jnp.array([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]])
    edge = edge[: 2 + self.context]
    outputs = self.param('outputs', lambda key: edge)
    return tuple(jnp.broadcast_to(each, (len(x), 4)) for each in outputs)


def built(num, doubly=False, remat=False, decoder=None, **slots):
  x = Field('vector', (3,), 0)
  usual = dict(
    encoder=LinearEncoder(2),
    decoder=decoder or LinearDecoder((3,), 1),
    prior=standard_normal(2),
    posterior=diagonal_gaussian(2),
    objective=iwae(num, doubly_reparameterized=doubly),
    likelihood=LIKELIHOODS['gaussian'](x, SIGMA),
    tx=optax.sgd(1.0),
    ema_decay=0.9,
    x=x,
    importance_samples=4,
  )
  return computing.computed(vae(**{**usual, **slots}), 'float32', remat)


def test_the_objective_of_more_draws_is_a_tighter_bound_below_the_exact_value():
  params, exact = _probabilistic_pca(posterior_scale=2.0)
  batch = {'x': jnp.tile(jnp.array([[0.5, -0.3, 1.0]]), (4000, 1))}
  truth = exact(np.asarray(batch['x'][:1]))[0]
  rows = [jax.jit(built(num).evaluate)(params, {}, jax.random.key(num), batch) for num in (1, 5, 50)]
  bounds = [-row['loss'].mean() for row in rows]
  assert bounds[0] < bounds[1] - 0.1 < bounds[2] - 0.1 < truth - 0.1
  for row in rows:
    np.testing.assert_allclose(row['elbo'].mean(), truth - (1 - np.log(2)), atol=0.1)
  optimal, _ = _probabilistic_pca()
  loss = built(5).evaluate(optimal, {}, jax.random.key(0), {'x': batch['x'][:2]})['loss']
  np.testing.assert_allclose(loss, -truth, rtol=1e-4)


def _stepped(model, num=16):
  """The parameters after one step of a rate of 1, by which the gradient is known."""
  batch = {'x': jax.random.normal(jax.random.key(1), (num, 3)), 'label': jnp.arange(num) % 3}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))
  step = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return jax.jit(lambda state: step(state, jax.random.key(2), batch)[0].params), state


@pytest.mark.parametrize(
  'prior', [standard_normal(2), class_conditional(2, LABEL)], ids=['plain', 'of_labels']
)
@pytest.mark.parametrize('doubly', [False, True])
def test_one_draw_after_the_other_has_the_gradient_of_all_at_once(doubly, prior):
  slots = dict(prior=prior, given=LABEL)
  (at_once, state), (in_turn, _) = (_stepped(built(5, doubly, remat, **slots)) for remat in (False, True))
  folded, mapped = at_once(state), in_turn(state)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), folded, mapped)


def test_the_decoder_learns_the_same_by_both_gradients_and_the_encoder_does_not():
  (plain, state), (doubly, _) = (_stepped(built(5, doubly)) for doubly in (False, True))
  one, other = plain(state), doubly(state)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one['decoder'], other['decoder']
  )
  assert (one['encoder']['mean']['kernel'] != other['encoder']['mean']['kernel']).any()


def test_where_q_is_not_weighed_yet_both_gradients_are_the_same():
  """At the first step of a warm-up: its score, that DReG does without, is weighed by 0."""
  (plain, state), (doubly, _) = (
    _stepped(built(5, objective=iwae(5, kl_warmup_steps=10, doubly_reparameterized=doubly)))
    for doubly in (False, True)
  )
  one, other = plain(state), doubly(state)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, other)


@pytest.mark.parametrize('prior', [standard_normal(4), mixture(2, 4), class_conditional(4, LABEL)])
@pytest.mark.parametrize(
  'objective',
  [
    elbo(free_bits=0.5),
    iwae(3),
    iwae(3, doubly_reparameterized=True),
    infovae(0.5, 10.0, 'inverse_multiquadratic'),
    infovae(0.5, 10.0, 'gaussian'),
  ],
  ids=lambda objective: objective.words[-20:],
)
def test_whatever_the_encoder_says_loss_and_gradients_are_finite(prior, objective):
  _assert_finite(encoder=Loud(), prior=prior, posterior=diagonal_gaussian(4), objective=objective)


FLOWS = {
  'a flow for a prior': (diagonal_gaussian(4), flow_prior(vae_slots.maf(4, 2, 8), 4)),
  'a flow of masked networks': (flow_posterior(vae_slots.iaf(4, 2, 8), 4, 4), standard_normal(4)),
  'planes': (flow_posterior(vae_slots.planar(4, 2), 4, 4), standard_normal(4)),
}


@pytest.mark.parametrize('name', FLOWS)
@pytest.mark.parametrize('objective', [elbo(free_bits=0.5), iwae(3)], ids=['elbo', 'iwae'])
def test_flows_of_latents_are_finite_wherever_the_encoder_sends_them(name, objective):
  """Also once they have learned something: they begin where they hear no context and bend little."""
  posterior, prior = FLOWS[name]
  slots = dict(prior=prior, posterior=posterior, objective=objective)
  _assert_finite(0.3, encoder=Loud(context=bool(posterior.parts)), **slots)


def _assert_finite(learned=0.0, **slots):
  """The parameters after a step from where what the slots learn is so far off its start, and the evaluated loss."""
  model = built(1, given=LABEL, **slots)
  start, noise = model.init, np.random.default_rng(0)

  def init(rng, batch):
    params, extra = start(rng, batch)
    of_slots = {name: params[name] for name in ('prior', 'posterior') if name in params}
    moved = jax.tree.map(lambda leaf: leaf + jnp.float32(learned * noise.normal(size=leaf.shape)), of_slots)
    return params | moved, extra

  model = model._replace(init=init)
  step, state = _stepped(model)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(step(state)))
  batch = {'x': jnp.ones((3, 3)), 'label': jnp.arange(3)}
  terms = jax.jit(model.evaluate)(state.params, state.extra, jax.random.key(3), batch)
  assert np.isfinite(terms['loss']).all()


def _temporary_bytes(num, remat, latents=2, doubly=False):
  slots = dict(
    encoder=LinearEncoder(latents), prior=standard_normal(latents), posterior=diagonal_gaussian(latents)
  )
  step, state = _stepped(built(num, doubly, remat, Wide(), **slots), num=64)
  return step.lower(state).compile().memory_analysis().temp_size_in_bytes


def test_memory_stays_flat_in_the_number_of_draws_where_it_is_to_be_saved():
  hidden = 64 * 512 * 4  # bytes of the hidden layer of one draw
  assert _temporary_bytes(64, remat=True) - _temporary_bytes(4, remat=True) < 2 * hidden
  assert _temporary_bytes(64, remat=False) - _temporary_bytes(4, remat=False) > 50 * hidden


@pytest.mark.parametrize('doubly', [False, True])
def test_of_draws_one_after_the_other_not_even_the_latents_are_kept(doubly):
  latents = 64 * 512 * 4  # bytes of the latents of one draw, as many as there are in the hidden layer
  few, many = (_temporary_bytes(num, True, 512, doubly) for num in (4, 64))
  assert many - few < latents
