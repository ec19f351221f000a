"""One contract for each slot of an autoencoder, over a table of constructors: a new one is a row."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.networks import Part, assembled
from jaxgen.families.vae import (
  LIKELIHOODS,
  Drawn,
  Objective,
  Posterior,
  Prior,
  Terms,
  codebook,
  commitment,
  diagonal_gaussian,
  elbo,
  standard_normal,
  uniform_codes,
  vae,
)
from jaxgen.losses import vae as losses
from jaxgen.nn.vector_quantizer import VectorQuantizer
from jaxgen.types import DATA_AXIS, Field, State

NUM, DIM, GRID = 6, 2, (3,)


class Shift(nn.Module):
  """The mean of a learned prior."""

  @nn.compact
  def __call__(self, num, train):
    return jnp.broadcast_to(self.param('mean', nn.initializers.ones, (DIM,)), (num, DIM))


def learned() -> Prior:
  """N(mean, I) of a learned mean: a prior with a network of its own and no closed form."""

  def log_prob(apply, params, extra, z, *, train):
    mean, extra = apply('prior', params, extra, len(z), train=train)
    return losses.log_normal(z, mean=mean, log_var=jnp.zeros_like(z)), extra

  def sample(apply, params, extra, rng, num, temperature=1.0):
    mean, _ = apply('prior', params, extra, num, train=False)
    return mean + temperature * jax.random.normal(rng, (num, DIM))

  parts = {'prior': Part(Shift(), lambda: (1,))}
  return Prior('learned', log_prob, sample, knobs={'temperature': 1.0}, parts=parts)


def shifted(latent_dim: int) -> Posterior:
  """A draw that goes through a network of the posterior's own, as through a flow of log-determinant 0."""
  base = diagonal_gaussian(latent_dim)

  def draw(apply, params, extra, rng, outputs, *, prior, train):
    mean, log_var = outputs
    shift, extra = apply('posterior', params, extra, len(mean), train=train)
    drawn, extra = base.draw(
      apply, params, extra, rng, (mean + shift, log_var), prior=prior._replace(kl=None), train=train
    )
    return drawn, extra

  def center(apply, params, extra, outputs):
    return outputs[0] + apply('posterior', params, extra, len(outputs[0]), train=False)[0]

  return base._replace(draw=draw, center=center, parts={'posterior': Part(Shift(), lambda: (1,))})


def far_from_prior() -> Objective:
  """An objective that compares the draws with draws of the prior, as the maximum mean discrepancy does."""

  def loss(terms, rng, step):
    distance = (terms.z.mean(0) - terms.from_prior(rng, len(terms.kl)).mean(0)) ** 2
    return terms.reconstruction + distance.sum(), {'distance': distance.sum()}

  return Objective('1 * reconstruction + 1 * distance', loss)


QUANTIZER = VectorQuantizer(5, DIM, axis_name=DATA_AXIS)
PRIORS = {
  'standard_normal': standard_normal(DIM),
  'uniform_codes': uniform_codes(5, GRID),
  'learned': learned(),
}
GAUSSIANS = {'diagonal_gaussian': diagonal_gaussian(DIM), 'shifted': shifted(DIM)}
POSTERIORS = {**GAUSSIANS, 'codebook': codebook(QUANTIZER, 5, GRID, DIM)}
OBJECTIVES = {'elbo': elbo(0.5, 2.0, 10), 'commitment': commitment(), 'far_from_prior': far_from_prior()}


def _outputs(name, num=NUM):
  if name == 'codebook':
    return jax.random.normal(jax.random.key(1), (num, *GRID, DIM))
  return tuple(jax.random.normal(jax.random.key(1), (2, num, DIM)))


def _made(slot):
  init, apply = assembled(slot.parts)
  return apply, *init(jax.random.key(0))


@pytest.mark.parametrize('name', PRIORS)
def test_a_prior_draws_what_it_has_a_density_of(name):
  prior = PRIORS[name]
  reach = _made(prior)
  z = prior.sample(*reach, jax.random.key(0), NUM, **prior.knobs)
  again = prior.sample(*reach, jax.random.key(0), NUM)  # the knobs as they are
  jax.tree.map(np.testing.assert_array_equal, z, again)
  log_prob, extra = prior.log_prob(*reach, z, train=False)
  assert log_prob.shape == (NUM,) and np.isfinite(log_prob).all()
  jax.tree.map(np.testing.assert_array_equal, extra, reach[2])


def test_codes_drawn_uniformly_have_one_mass():
  log_prob, _ = PRIORS['uniform_codes'].log_prob(None, {}, {}, jnp.zeros((2, *GRID), int), train=False)
  np.testing.assert_allclose(log_prob, -3 * np.log(5), rtol=1e-6)


@pytest.mark.parametrize('prior', ['standard_normal', 'learned'])
@pytest.mark.parametrize('name', POSTERIORS)
def test_a_posterior_gives_what_decoders_take_and_terms_per_example(name, prior):
  posterior, prior = POSTERIORS[name], PRIORS[prior]
  init, apply = assembled({**prior.parts, **posterior.parts})
  params, extra = init(jax.random.key(0))
  outputs = _outputs(name)
  drawn, same = posterior.draw(apply, params, extra, jax.random.key(2), outputs, prior=prior, train=False)
  assert isinstance(drawn, Drawn) and drawn.z.shape == posterior.blank(NUM).shape
  assert drawn.kl.shape == (NUM,) and (drawn.log_weight is not None) == posterior.has_density
  jax.tree.map(np.testing.assert_array_equal, same, extra)
  latents = posterior.center(apply, params, extra, outputs)
  z = posterior.embed(apply, params, extra, latents)
  assert z.shape == drawn.z.shape
  if posterior.codes:
    assert latents.shape == (NUM, *posterior.codes.shape) and latents.max() < posterior.codes.levels


@pytest.mark.parametrize('name', GAUSSIANS)
def test_the_kl_is_the_mean_of_minus_the_log_weights(name):
  posterior, prior = GAUSSIANS[name], PRIORS['standard_normal']
  apply, params, extra = _made(posterior)
  mean, log_var = jnp.array([0.5, -1.0]), jnp.array([-0.5, 0.3])
  outputs = jnp.tile(mean, (20000, 1)), jnp.tile(log_var, (20000, 1))
  drawn, _ = posterior.draw(apply, params, extra, jax.random.key(0), outputs, prior=prior, train=False)
  center = posterior.center(apply, params, extra, outputs)[:1]
  exact = losses.kl_standard_normal(mean=center, log_var=log_var[None])[0]
  np.testing.assert_allclose([drawn.kl.mean(), -drawn.log_weight.mean()], exact, atol=0.03)


@pytest.mark.parametrize('step', [None, 5])
@pytest.mark.parametrize('name', OBJECTIVES)
def test_an_objective_gives_one_number_per_example_and_says_what_it_weighs(name, step):
  kl, reconstruction = jnp.arange(4.0), jnp.arange(4.0)[::-1]
  terms = Terms(reconstruction, kl, None, jnp.ones((4, DIM)), lambda rng, num: jnp.zeros((num, DIM)))
  loss, metrics = OBJECTIVES[name].loss(terms, jax.random.key(0), step if step is None else jnp.int32(step))
  kl_weight = {'elbo': 2.0 if step is None else 1.0, 'commitment': 0.25, 'far_from_prior': 0.0}[name]
  expected = (0.5 if name == 'elbo' else 1.0) * reconstruction + kl_weight * kl + metrics.get('distance', 0)
  np.testing.assert_allclose(loss, expected)
  assert '* reconstruction + ' in OBJECTIVES[name].words


class Encoder(nn.Module):
  """Also counts its training steps, in batch statistics of a kind."""

  shape: tuple[int, ...]
  pairs: bool

  @nn.compact
  def __call__(self, x, given, train):
    steps = self.variable('counts', 'steps', jnp.zeros, ())
    if train and self.is_mutable_collection('counts'):
      steps.value += 1
    h = nn.Dense(int(np.prod(self.shape)) * (2 if self.pairs else 1))(x)
    return jnp.split(h, 2, -1) if self.pairs else h.reshape(-1, *self.shape)


class Decoder(nn.Module):
  outputs: int

  @nn.compact
  def __call__(self, z, given, train):
    h = nn.Dropout(0.5, deterministic=not train)(z.reshape(len(z), -1))
    return nn.Dense(3 * self.outputs)(h).reshape(-1, 3, self.outputs)


@pytest.mark.parametrize(
  ('prior', 'posterior', 'objective'),
  [
    ('standard_normal', 'diagonal_gaussian', 'elbo'),
    ('learned', 'shifted', 'far_from_prior'),
    ('uniform_codes', 'codebook', 'commitment'),
  ],
)
def test_slots_make_a_model_that_trains_and_keeps_what_its_networks_update(prior, posterior, objective):
  x = Field('vector', (3,), 5)
  codes = posterior == 'codebook'
  model = vae(
    Encoder((*GRID, DIM) if codes else (DIM,), pairs=not codes),
    Decoder(LIKELIHOODS['discretized_logistic'](x, 0.1).num_outputs),
    prior=PRIORS[prior],
    posterior=POSTERIORS[posterior],
    objective=OBJECTIVES[objective],
    likelihood=LIKELIHOODS['discretized_logistic'](x, 0.1),
    tx=optax.adam(0.05),
    ema_decay=0.9,
    x=x,
    importance_samples=3,
  )
  batch = {'x': jnp.array([[0, 4, 1], [4, 4, 3]] * 8, jnp.uint8)}
  params, extra = model.init(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics['reconstruction'].total

  state, reconstruction = jax.jit(lambda state: jax.lax.scan(step, state, length=60))(state)
  assert reconstruction[-1] < 0.9 * reconstruction[0]
  assert state.extra['encoder']['counts']['steps'] == 60
  assert ('quantizer' in state.extra) == codes
  if prior == 'learned':
    assert (state.params['prior']['mean'] != 1).all()
  terms = model.evaluate(state.params, state.extra, jax.random.key(2), batch)
  assert all(value.shape in ((16,), (16, DIM)) for value in terms.values())
  assert model.selected_by in terms and (POSTERIORS[posterior].term in terms)
  assert (model.log_prob is None) == (model.complete is None) == codes
  assert model.codes == POSTERIORS[posterior].codes
  draws = model.latents(state.params, state.extra, jax.random.key(3), 4)
  assert model.decode(state.params, state.extra, draws).shape == (4, 3)
