"""One contract for each slot of an autoencoder, over a table of constructors: a new one is a row."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.bijectors import Inverse, Planar
from jaxgen.errors import UserError
from jaxgen.families import conditions
from jaxgen.families.conditioners import MLP
from jaxgen.families.networks import Part, assembled
from jaxgen.families.vae import (
  LIKELIHOODS,
  Drawn,
  Draws,
  Objective,
  Posterior,
  Prior,
  Terms,
  class_conditional,
  codebook,
  commitment,
  diagonal_gaussian,
  elbo,
  flow_posterior,
  infovae,
  iwae,
  mixture,
  standard_normal,
  uniform_codes,
  uniform_levels,
  vae,
)
from jaxgen.losses import vae as losses
from jaxgen.nn.vector_quantizer import VectorQuantizer
from jaxgen.types import DATA_AXIS, Field, State

NUM, DIM, GRID = 6, 2, (3,)
LABEL = {'label': Field('label', (), 3)}


class Shift(nn.Module):
  """The mean of a learned prior."""

  @nn.compact
  def __call__(self, num, train):
    return jnp.broadcast_to(self.param('mean', nn.initializers.ones, (DIM,)), (num, DIM))


def learned() -> Prior:
  """N(mean, I) of a learned mean: a prior with a network of its own and no closed form."""

  def log_prob(apply, params, extra, z, *, given, train):
    del given
    mean, extra = apply('prior', params, extra, len(z), train=train)
    return losses.log_normal(z, mean=mean, log_var=jnp.zeros_like(z)), extra

  def sample(apply, params, extra, rng, num, *, given, temperature=1.0):
    del given
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
    if step is None:
      return terms.reconstruction, {}
    distance = (terms.z.mean(0) - terms.from_prior(rng).mean(0)) ** 2
    return terms.reconstruction + distance.sum(), {'distance': distance.sum()}

  return Objective('1 * reconstruction + 1 * distance', loss)


QUANTIZER = VectorQuantizer(5, DIM, axis_name=DATA_AXIS)
PRIORS = {
  'standard_normal': standard_normal(DIM),
  'uniform_codes': uniform_codes(5, GRID),
  'uniform_levels': uniform_levels({'top': Field('tokens', (2,), 3), 'bottom': Field('tokens', GRID, 5)}),
  'learned': learned(),
  'mixture': mixture(3, DIM),
  'class_conditional': class_conditional(DIM, LABEL),
}
CONTINUOUS = [name for name in PRIORS if not name.startswith('uniform_')]
GAUSSIANS = {'diagonal_gaussian': diagonal_gaussian(DIM), 'shifted': shifted(DIM)}
POSTERIORS = {**GAUSSIANS, 'codebook': codebook(QUANTIZER, 5, GRID, DIM)}
OBJECTIVES = {
  'elbo': elbo(0.5, 2.0, 10),
  'free_bits': elbo(0.5, 2.0, 10, free_bits=0.7),
  'iwae': iwae(2, 0.5, 2.0, 10),
  'dreg': iwae(2, doubly_reparameterized=True),
  'infovae': infovae(0.5, 3.0, 'gaussian', 0.5, 2.0, 10),
  'commitment': commitment(),
  'far_from_prior': far_from_prior(),
}


def _outputs(name, num=NUM):
  if name == 'codebook':
    return jax.random.normal(jax.random.key(1), (num, *GRID, DIM))
  return tuple(jax.random.normal(jax.random.key(1), (2, num, DIM)))


def _made(slot):
  init, apply = assembled(slot.parts)
  return apply, *init(jax.random.key(0))


def _given(num=NUM):
  return conditions.prepared({'label': jnp.arange(num) % 3}, LABEL)


def _moved(tree):
  """Parameters that are what training could make of them: many begin as zeros."""
  noise = np.random.default_rng(0)
  return jax.tree.map(lambda p: p + jnp.float32(0.3 * noise.standard_normal(p.shape)), tree)


@pytest.mark.parametrize('name', PRIORS)
def test_a_prior_draws_what_it_has_a_density_of(name):
  prior = PRIORS[name].under(_given())
  reach = _made(prior)
  z = prior.sample(*reach, jax.random.key(0), NUM, **prior.knobs)
  again = prior.sample(*reach, jax.random.key(0), NUM)  # the knobs as they are
  jax.tree.map(np.testing.assert_array_equal, z, again)
  log_prob, extra = prior.log_prob(*reach, z, train=False)
  assert log_prob.shape == (NUM,) and np.isfinite(log_prob).all()
  jax.tree.map(np.testing.assert_array_equal, extra, reach[2])


@pytest.mark.parametrize('name', CONTINUOUS)
def test_a_priors_mass_is_one_and_where_its_draws_are(name):
  side, num = 0.1, 200
  places = side * (jnp.arange(num) - num / 2 + 0.5)
  z = jnp.stack(jnp.meshgrid(places, places), -1).reshape(-1, DIM)
  label = jax.tree.map(lambda leaf: jnp.tile(leaf[1:2], (len(z), 1)), _given())
  prior = PRIORS[name].under(label)
  apply, params, extra = _made(prior)
  reach = apply, _moved(params), extra
  log_prob, _ = prior.log_prob(*reach, z, train=False)
  mass = jnp.exp(log_prob) * side**DIM
  np.testing.assert_allclose(mass.sum(), 1.0, rtol=1e-3)
  drawn = prior.sample(*reach, jax.random.key(0), len(z))
  np.testing.assert_allclose(drawn.mean(0), mass @ z, atol=0.03)
  np.testing.assert_allclose((drawn**2).mean(0), mass @ z**2, rtol=0.03)


@pytest.mark.parametrize('name', ['standard_normal', 'class_conditional'])
def test_a_closed_divergence_is_the_mean_of_its_estimate(name):
  posterior, prior = diagonal_gaussian(DIM), PRIORS[name].under(_given(30000))
  apply, params, extra = _made(prior)
  outputs = jnp.tile(jnp.array([0.5, -1.0]), (30000, 1)), jnp.tile(jnp.array([-0.5, 0.3]), (30000, 1))
  drawn, _ = posterior.draw(
    apply, _moved(params), extra, jax.random.key(0), outputs, prior=prior, train=False
  )
  assert drawn.kl_per_latent.shape == (30000, DIM)
  np.testing.assert_allclose(drawn.kl, drawn.kl_per_latent.sum(1), rtol=1e-5)
  by_class = (drawn.kl + drawn.log_weight).reshape(-1, 3).mean(0)
  np.testing.assert_allclose(by_class, 0, atol=0.06)


def test_codes_drawn_uniformly_have_one_mass():
  log_prob, _ = (
    PRIORS['uniform_codes'].under({}).log_prob(None, {}, {}, jnp.zeros((2, *GRID), int), train=False)
  )
  np.testing.assert_allclose(log_prob, -3 * np.log(5), rtol=1e-6)


@pytest.mark.parametrize('prior', CONTINUOUS)
@pytest.mark.parametrize('name', POSTERIORS)
def test_a_posterior_gives_what_decoders_take_and_terms_per_example(name, prior):
  posterior, prior = POSTERIORS[name], PRIORS[prior].under(_given())
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
  posterior, prior = GAUSSIANS[name], PRIORS['standard_normal'].under({})
  apply, params, extra = _made(posterior)
  mean, log_var = jnp.array([0.5, -1.0]), jnp.array([-0.5, 0.3])
  outputs = jnp.tile(mean, (20000, 1)), jnp.tile(log_var, (20000, 1))
  drawn, _ = posterior.draw(apply, params, extra, jax.random.key(0), outputs, prior=prior, train=False)
  center = posterior.center(apply, params, extra, outputs)[:1]
  exact = losses.kl_standard_normal(mean=center, log_var=log_var[None])[0]
  np.testing.assert_allclose([drawn.kl.mean(), -drawn.log_weight.mean()], exact, atol=0.03)


def _terms(num=4):
  kl_per_latent = jnp.array([[0.0, 0.5], [1.0, 0.5], [0.0, 1.5], [1.0, 1.5]])[:num]  # means 0.5 and 1
  kl, reconstruction = kl_per_latent.sum(1), jnp.arange(4.0)[::-1][:num]
  draws = Draws(jnp.stack([reconstruction - 1, reconstruction + 1]), jnp.stack([-kl, -kl]))
  z = jnp.ones((num, DIM))
  return Terms(reconstruction, kl, None, z, lambda rng: jnp.zeros_like(z), draws, kl_per_latent)


@pytest.mark.parametrize('step', [None, 5])
@pytest.mark.parametrize('name', OBJECTIVES)
def test_an_objective_gives_one_number_per_example_and_says_what_it_weighs(name, step):
  terms = _terms()
  reconstruction, kl, kl_per_latent = terms.reconstruction, terms.kl, terms.kl_per_latent
  loss, metrics = OBJECTIVES[name].loss(terms, jax.random.key(0), step if step is None else jnp.int32(step))
  weight, of_batch = (2.0, 0.0) if step is None else (1.0, 1.0)
  distance = 2 - 2 * np.exp(
    -2 / 4
  )  # squared, of two places that are 2 apart, by a kernel of length 4, squares both
  expected = {
    'elbo': 0.5 * reconstruction + weight * kl,
    'free_bits': 0.5 * reconstruction + weight * jnp.where(of_batch, 0.7 + kl_per_latent[:, 1], kl),
    'iwae': 0.5 * reconstruction + weight * kl - np.log(np.cosh(0.5)),
    'dreg': reconstruction + kl - np.log(np.cosh(1.0)),
    'infovae': 0.5 * reconstruction + weight * (0.5 * kl + 2.5 * of_batch * distance),
    'commitment': reconstruction + 0.25 * kl,
    'far_from_prior': reconstruction + 2 * of_batch,
  }[name]
  np.testing.assert_allclose(loss, expected, rtol=1e-6)
  assert '* reconstruction + ' in OBJECTIVES[name].words


@pytest.mark.parametrize('name', OBJECTIVES)
def test_the_evaluated_loss_of_an_example_is_the_same_in_every_batch(name):
  of_all, of_two = (_terms(num) for num in (4, 2))
  losses_of = (
    OBJECTIVES[name].loss(terms._replace(z=terms.kl_per_latent), jax.random.key(0), None)[0]
    for terms in (of_all, of_two)
  )
  np.testing.assert_allclose(next(losses_of)[:2], next(losses_of))


@pytest.mark.parametrize('kernel', losses.KERNELS)
def test_latents_that_are_of_the_prior_are_not_drawn_together_by_the_discrepancy(kernel):
  """In the mean over batches of 4; those that spread twice as far are."""
  keys, objective = jax.random.split(jax.random.key(0), 4000), infovae(1.0, 1.0, kernel)

  def loss(scale, key):
    z = scale * jax.random.normal(jax.random.fold_in(key, 0), (4, DIM))
    terms = Terms(jnp.zeros(4), jnp.zeros(4), None, z, lambda rng: jax.random.normal(rng, z.shape), None)
    return objective.loss(terms, jax.random.fold_in(key, 1), jnp.int32(0))[0].mean()

  of_prior, wider = (jax.vmap(partial(jax.grad(loss), scale))(keys) for scale in (1.0, 2.0))
  assert abs(of_prior.mean()) < 4 * of_prior.std() / 4000**0.5
  assert wider.mean() > 10 * wider.std() / 4000**0.5


def test_one_example_on_a_device_has_no_discrepancy_and_is_refused_in_training_alone():
  objective = OBJECTIVES['infovae']
  with pytest.raises(UserError, match=r'at least 2 examples.*raise config.batch_size'):
    objective.loss(_terms(1), jax.random.key(0), jnp.int32(0))
  assert objective.loss(_terms(1), jax.random.key(0), None)[0].shape == (1,)


def test_free_bits_of_a_sum_are_of_all_latents_together():
  kl = jnp.array([0.1, 0.3])
  terms = Terms(jnp.zeros(2), kl, None, None, None, None)
  np.testing.assert_allclose(elbo(free_bits=0.5).loss(terms, None, 0)[0], [0.5, 0.5])
  np.testing.assert_allclose(elbo(free_bits=0.1).loss(terms, None, 0)[0], kl)
  assert '0.5 nats) of each latent (of all together where' in elbo(free_bits=0.5).words


@pytest.mark.parametrize(
  ('make', 'sentence'),
  [
    (lambda: iwae(0), 'at least 1 draw, not 0'),
    (lambda: infovae(0.0, 1.0), 'discrepancy of q.z. by alpha . lambda - 1 = 0'),
    (lambda: infovae(2.0, 10.0), '1 - alpha = -1'),
    (lambda: infovae(np.nan, 10.0), '1 - alpha = nan'),
    (lambda: infovae(0.0, np.inf), 'alpha . lambda - 1 = inf'),
    (lambda: infovae(0.0, 10.0, 'foo'), 'no kernel foo; there are: gaussian, '),
    (lambda: elbo(free_bits=-1.0), 'free_bits must be .* but is -1'),
    (lambda: elbo(free_bits=np.nan), 'free_bits must be .* but is nan'),
    (lambda: mixture(0, DIM), 'at least 1 component'),
    (lambda: class_conditional(DIM, {}), 'among the conditions; there are: none'),
    (lambda: class_conditional(DIM, {'label': Field('mask', (), 2)}), 'needs label, a label'),
  ],
)
def test_slots_that_cannot_be_are_refused(make, sentence):
  with pytest.raises(ValueError, match=sentence):
    make()


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
    ('mixture', 'diagonal_gaussian', 'dreg'),
    ('class_conditional', 'shifted', 'iwae'),
    ('mixture', 'diagonal_gaussian', 'free_bits'),
    ('class_conditional', 'diagonal_gaussian', 'infovae'),
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
    given=LABEL if PRIORS[prior].conditional else {},
    importance_samples=3,
  )
  batch = {'x': jnp.array([[0, 4, 1], [4, 4, 3]] * 8, jnp.uint8), 'label': jnp.arange(16) % 2}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
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
  terms = jax.jit(model.evaluate)(state.params, state.extra, jax.random.key(2), batch)
  assert all(value.shape in ((16,), (16, DIM)) for value in terms.values())
  assert model.selected_by in terms and (POSTERIORS[posterior].term in terms)
  assert (model.log_prob is None) == (model.complete is None) == codes
  assert model.codes == POSTERIORS[posterior].codes
  assert (model.latents is None) == PRIORS[prior].conditional
  if model.latents:
    draws = model.latents(state.params, state.extra, jax.random.key(3), 4)
    assert jax.jit(model.decode)(state.params, state.extra, draws).shape == (4, 3)
  draw = jax.jit(model.sample, static_argnums=3)
  assert draw(state.params, state.extra, jax.random.key(3), 4).shape == (4, 3)


@pytest.mark.parametrize(
  ('posterior', 'objective', 'sentence'),
  [
    (flow_posterior(Inverse(Planar(MLP(1, 0, 2 * DIM + 1))), DIM, 3), 'dreg', 'DReG gradient needs'),
    (POSTERIORS['codebook'], 'iwae', 'draws by their density, and the posterior has none'),
    (POSTERIORS['codebook'], 'infovae', 'latents are codes'),
    (diagonal_gaussian(DIM)._replace(levels=(1, 1)), 'infovae', 'or of several levels'),
  ],
)
def test_an_objective_is_refused_that_needs_what_the_posterior_has_not(posterior, objective, sentence):
  x = Field('vector', (3,), 0)
  with pytest.raises(ValueError, match=sentence):
    vae(
      Encoder((DIM,), pairs=True),
      Decoder(1),
      prior=PRIORS['standard_normal'],
      posterior=posterior,
      objective=OBJECTIVES[objective],
      likelihood=LIKELIHOODS['gaussian'](x, 0.1),
      tx=optax.sgd(0.1),
      ema_decay=0.9,
      x=x,
    )
