import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import experiment
from jaxgen.bijectors import (
  ActNorm,
  BatchNorm,
  Chain,
  Coupling,
  Inverse,
  InvertibleConv,
  Logit,
  Reverse,
  masks,
  transforms,
)
from jaxgen.data import toy
from jaxgen.families.conditions import joined
from jaxgen.families.flow import flow
from jaxgen.families.flow.base import standard_logistic
from jaxgen.families.flow.dequantization import Dequantization
from jaxgen.families.networks import Part
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.updates import averaged_params
from tests.bijectors.contract_test import Centred, OneWay

RNG = jax.random.key(0)
PLANE, LABEL = Field('vector', (2,), 0), Field('label', (), 2)
BOUNDED = transforms.affine(transforms.bounded_log_scale(1.0))


class MLP(nn.Module):
  @nn.compact
  def __call__(self, x, given=None):
    h = joined(x, given or {})
    return nn.Dense(2)(jnp.tanh(nn.Dense(16)(h)))


def vector_flow(given=(), **options):
  coupling = lambda: Coupling(MLP(), BOUNDED, masks.halves())  # noqa: E731
  bijector = Chain((ActNorm(), coupling(), Reverse(), coupling(), InvertibleConv(), coupling()))
  tx = optax.adam(5e-3)
  spec = dict.fromkeys(given, LABEL)
  return flow(bijector, tx=tx, ema_decay=0.9, x=PLANE, given=spec, **options)


def fit(model, batch_of, num_steps, rng=RNG):
  """`num_steps` of training in one program; `batch_of(step) -> batch`. Returns first state, last state, metrics."""

  def bound(state, rng, batch):
    one = dict(in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    return jax.vmap(model.update.apply, **one)(state, rng, batch)

  def body(state, _):
    state, metrics = bound(state, jax.random.fold_in(state.rng, state.step), batch_of(state.step))
    return state._replace(step=state.step + 1), metrics

  @jax.jit
  def run():
    params, extra = model.init(rng, batch_of(0))
    first = State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), rng)
    last, metrics = jax.lax.scan(body, first, None, length=num_steps)
    return first, last, metrics

  return run()


def grid(bound, num):
  """The centres of `num` x `num` cells and the area of one."""
  side = 2 * bound / num
  places = -bound + side * (jnp.arange(num) + 0.5)
  return jnp.stack(jnp.meshgrid(places, places), -1).reshape(-1, 2), side**2


@pytest.fixture(scope='module')
def two_moons():
  density = toy.DENSITIES['two_moons']
  x = jnp.asarray(density.sample(0, 20_000))
  model = vector_flow()
  batch_of = lambda step: {'x': jax.lax.dynamic_slice_in_dim(x, step * 128 % 19_000, 128)}  # noqa: E731
  return model, density, *fit(model, batch_of, 300)


def test_the_density_sums_to_one_before_and_after_training(two_moons):
  model, _, first, last, _ = two_moons
  x, area = grid(8.0, 400)
  mass = jax.jit(lambda p: jnp.exp(model.log_prob(p, last.extra, RNG, {'x': x})).sum() * area)
  np.testing.assert_allclose(mass(first.params), 1, atol=5e-3)
  np.testing.assert_allclose(mass(last.params), 1, atol=5e-3)


def test_training_comes_near_the_entropy_and_never_below(two_moons):
  model, density, first, last, _ = two_moons
  batch = {'x': jnp.asarray(density.sample(1, 10_000))}
  log_prob = jax.jit(lambda p: model.log_prob(p, last.extra, RNG, batch).mean())
  before, after = -log_prob(first.params), -log_prob(last.params)
  assert density.entropy < after < before - 0.4
  assert abs(-log_prob(averaged_params(last)) - after) < 0.3


def test_metrics_are_the_terms_of_the_objective(two_moons):
  *_, metrics = two_moons
  means = {name: metric.total / metric.count for name, metric in metrics.items()}
  assert set(means) == {'loss', 'bits_per_dim', 'log_prior', 'log_det', 'grad_norm'}
  np.testing.assert_allclose(means['loss'], -(means['log_prior'] + means['log_det']) / 2, rtol=1e-4)
  np.testing.assert_allclose(means['bits_per_dim'], means['loss'] / np.log(2), rtol=1e-4)


def test_encode_and_decode_are_inverse_and_evaluation_says_how_nearly(two_moons):
  model, density, _, last, _ = two_moons
  batch = {'x': jnp.asarray(density.sample(2, 500))}
  latents = model.encode(last.params, last.extra, RNG, batch)
  np.testing.assert_allclose(model.decode(last.params, last.extra, latents), batch['x'], atol=1e-4)
  terms = model.evaluate(last.params, last.extra, RNG, batch)
  assert all(term.shape == (500,) for term in terms.values())
  assert 0 <= terms['inversion_error'].max() < 1e-4
  log_prob = model.log_prob(last.params, last.extra, RNG, batch)
  np.testing.assert_allclose(terms['loss'], -log_prob / 2, rtol=1e-5, atol=1e-6)


TEMPERED, BASE = 'samples are of p(x)^(1 / T^2)', 'a heuristic: independent logistics at temperature T'
TEMPERATURES = {
  'additive': (transforms.additive(), ActNorm(), None, TEMPERED),
  'additive_batch_norm': (transforms.additive(), BatchNorm(), None, TEMPERED),
  'affine': (BOUNDED, ActNorm(), None, 'a heuristic: samples are not of a power of p(x)'),
  'logistic': (transforms.additive(), ActNorm(), standard_logistic(), BASE),
}


@pytest.mark.parametrize('name', TEMPERATURES)
def test_what_it_says_of_the_temperature_holds(name):
  """Of p(x)^(1 / T^2), a normal of two dimensions bent by shifts, `-log p / T^2` is exponential: its deviation is 1."""
  transform, norm, base, meaning = TEMPERATURES[name]
  coupling = lambda: Coupling(Shifts(transform.num_params), transform, masks.halves())  # noqa: E731
  bijector = Chain((norm, coupling(), Reverse(), coupling()))
  model = flow(bijector, tx=optax.sgd(0.1), ema_decay=0.9, x=PLANE, base=base)
  assert model.meanings['temperature'].startswith(meaning)
  params, extra = jax.jit(model.init)(RNG, {'x': jax.random.normal(RNG, (100, 2))})
  sample = jax.jit(model.sample, static_argnums=3)
  log_prob = lambda x: jax.jit(model.log_prob)(params, extra, RNG, {'x': x})  # noqa: E731
  deviation = log_prob(sample(params, extra, RNG, 20_000, temperature=0.5)).std() / 0.5**2
  is_tempered = abs(deviation - 1) < 0.05  # seven standard errors
  assert is_tempered == (meaning == TEMPERED)


class Shifts(nn.Module):
  """Parameters that vary with what is kept."""

  features: int

  @nn.compact
  def __call__(self, x):
    return nn.Dense(self.features)(jnp.sin(3 * nn.Dense(16)(x)))


def test_samples_follow_the_temperature_and_the_same_key_gives_the_same_latents(two_moons):
  model, _, first, last, _ = two_moons
  extra = last.extra
  sample = jax.jit(model.sample, static_argnums=3)
  latents = [
    model.encode(s.params, extra, RNG, {'x': sample(s.params, extra, RNG, 64)}) for s in (first, last)
  ]
  np.testing.assert_allclose(*latents, atol=1e-3)
  assert 0.7 < jnp.std(latents[0]) < 1.3
  cold = model.sample(last.params, extra, RNG, 3, temperature=0.0)
  np.testing.assert_allclose(cold, model.decode(last.params, extra, jnp.zeros((3, 2))), atol=1e-6)
  half = vector_flow(temperature=0.5).sample(last.params, extra, RNG, 64)
  np.testing.assert_allclose(model.encode(last.params, extra, RNG, {'x': half}), 0.5 * latents[1], atol=1e-3)


def test_a_label_is_a_condition():
  """Two classes at -2 and +2: the conditional density and conditional samples tell them apart."""
  label = jnp.arange(256) % 2
  centre = jnp.where(label[:, None] == 0, -2.0, 2.0)
  batch = {'x': centre + 0.3 * jax.random.normal(RNG, (256, 2)), 'label': label}
  model = vector_flow(given=('label',))
  _, last, _ = fit(model, lambda step: batch, 150)
  log_prob = jax.jit(model.log_prob)
  right = log_prob(last.params, last.extra, RNG, batch)
  wrong = log_prob(last.params, last.extra, RNG, {**batch, 'label': 1 - label})
  assert (right > wrong).mean() > 0.98
  drawn = model.sample(last.params, last.extra, RNG, 256, {'label': label})
  assert ((drawn.mean(-1) > 0) == (label == 1)).mean() > 0.95
  latents = model.encode(last.params, last.extra, RNG, batch)
  again = model.decode(last.params, last.extra, latents, {'label': label})
  np.testing.assert_allclose(again, batch['x'], atol=1e-4)
  with pytest.raises(ValueError, match='label'):
    model.decode(last.params, last.extra, latents)
  assert model.sample(last.params, last.extra, RNG, 5).shape == (5, 2)


def test_pixels_are_dequantized_and_their_probabilities_sum_to_one():
  """One pixel of three levels with a logit flow: the mass of each level is the density over its cell."""
  levels, num = 3, 4000
  bijector = Chain((Logit(0.05), ActNorm()))
  model = flow(
    bijector,
    tx=optax.sgd(0.1),
    ema_decay=0.9,
    x=Field('image', (1, 1, 1), levels),
    base=standard_logistic(),
  )
  batch = {'x': jnp.array([0, 1, 1, 2, 1, 0], jnp.uint8).reshape(-1, 1, 1, 1)}
  params, extra = jax.jit(model.init)(RNG, batch)
  log_prob_of = jax.jit(model.log_prob)
  cells = [jnp.full((num, 1, 1, 1), level, jnp.uint8) for level in range(levels)]
  mass = sum(np.exp(log_prob_of(params, extra, RNG, {'x': x})).mean() / levels for x in cells)
  # The logit's range ends at its alpha: what lies beyond belongs to no pixel.
  z = bijector.apply({'params': params['flow']}, jnp.array([[0.0], [1.0]]), method='forward_and_log_det')[0]
  inside = jnp.diff(jax.nn.sigmoid(z[:, 0]))[0]
  np.testing.assert_allclose(mass, inside, rtol=0.02)
  assert 0.5 < inside < 1
  samples = jax.jit(model.sample, static_argnums=3)(params, extra, RNG, 100)
  assert samples.dtype == jnp.uint8 and samples.shape == (100, 1, 1, 1) and samples.max() < levels
  bits = jax.jit(model.evaluate)(params, extra, RNG, batch)['bits_per_dim']
  log_prob = log_prob_of(params, extra, RNG, batch)
  np.testing.assert_allclose(bits, (np.log(3) - log_prob) / np.log(2), rtol=1e-5)


def test_running_statistics_of_a_bijector_move_in_training_and_nowhere_else():
  model = flow(Chain((Centred(), ActNorm())), tx=optax.sgd(0.1), ema_decay=0.9, x=PLANE)
  batch = {'x': 3 + jax.random.normal(RNG, (64, 2))}
  first, last, _ = fit(model, lambda step: batch, 100)
  mean = lambda state: state.extra['flow']['batch_stats']['bijectors_0']['mean']  # noqa: E731
  np.testing.assert_array_equal(mean(first), 0)
  np.testing.assert_allclose(mean(last), batch['x'].mean(0), atol=1e-3)
  latents = model.encode(last.params, last.extra, RNG, batch)
  np.testing.assert_allclose(model.decode(last.params, last.extra, latents), batch['x'], atol=1e-4)


@pytest.mark.parametrize('average', [True, False])
def test_averaged_weights_have_statistics_that_are_averaged_alike(average):
  """Data that double in width while a batch normalization follows them."""
  model = flow(BatchNorm(momentum=0.5), tx=optax.sgd(0.1), ema_decay=0.9, x=PLANE, average_statistics=average)
  noise = jax.random.normal(RNG, (64, 2))
  _, last, _ = fit(model, lambda step: {'x': (1 + step / 20) * noise}, 20)
  found = {
    name: extra['flow']['batch_stats']['variance']
    for name, (_, extra) in experiment.weights(model, last).items()
  }
  kept = expected = noise.var(0)
  for step in range(20):
    kept = 0.5 * (kept + (1 + step / 20) ** 2 * noise.var(0))
    rate = min(0.9, (1 + step) / (10 + step))
    expected = rate * expected + (1 - rate) * kept
  np.testing.assert_allclose(found['raw'], kept, rtol=1e-5)
  np.testing.assert_allclose(found['averaged'], expected if average else kept, rtol=1e-5)
  assert np.all(expected < 0.95 * kept)


def test_a_density_without_an_inverse_cannot_be_sampled_and_an_inverse_alone_cannot_be_trained():
  model = flow(Chain((ActNorm(), OneWay())), tx=optax.sgd(0.1), ema_decay=0.9, x=PLANE)
  assert model.log_prob and model.encode
  assert (model.sample, model.latents, model.decode, dict(model.knobs)) == (None, None, None, {})
  batch = {'x': jax.random.normal(RNG, (8, 2))}
  terms = model.evaluate(*model.init(RNG, batch), RNG, batch)
  assert set(terms) == {'loss', 'bits_per_dim', 'log_prior', 'log_det'}
  with pytest.raises(ValueError, match='from the data to the latents'):
    flow(Inverse(OneWay()), tx=optax.sgd(0.1), ema_decay=0.9, x=PLANE)


def logistic_noise(levels):
  """A learned place of the noise in its cell: `y = (x + sigmoid(a + e)) / levels` with a logistic `e`."""

  class Place(nn.Module):
    @nn.compact
    def __call__(self, x, given, train):
      return jnp.broadcast_to(self.param('place', nn.initializers.zeros_init(), ()), x.shape)

  def draw(apply, params, extra, rng, x, given, *, train):
    place, extra = apply('noise', params, extra, x, given, train=train)
    e = jax.random.logistic(rng, x.shape)
    u = jax.nn.sigmoid(place + e)
    # -log q(u), as log q(e) less the logarithm of du / de
    log_q = jax.scipy.stats.logistic.logpdf(e) - jnp.log(u) - jnp.log1p(-u)
    return (x + u) / levels, -log_q.reshape(len(x), -1).sum(1), extra

  discrete = lambda y: jnp.floor(jnp.clip(y, 0, 1 - 1e-6) * levels).astype(jnp.uint8)  # noqa: E731
  part = Part(Place(), lambda: (jnp.zeros((1, 1)), {}))
  return Dequantization(draw, discrete, 1, levels, {'noise': part})


def test_a_learned_dequantization_fits_and_its_number_is_a_bound():
  x = Field('vector', (1,), 4)
  bijector = Chain((Logit(0.0), ActNorm()))
  noise = logistic_noise(4)
  model = flow(bijector, tx=optax.adam(0.05), ema_decay=0.9, x=x, dequantization=noise)
  batch = {'x': jnp.tile(jnp.array([0, 1, 1, 2, 3, 1, 2, 2], jnp.uint8), 64)[:, None]}
  first, last, metrics = fit(model, lambda step: batch, 100)
  assert model.log_prob_estimate.kind == 'lower bound' and 'a bound' in model.objective
  assert set(last.params) == {'flow', 'noise'}
  assert last.params['noise']['place'] != first.params['noise']['place']
  # no code of these data is shorter than their entropy
  shares = np.array([1, 3, 3, 1]) / 8
  entropy = -(shares * np.log2(shares)).sum()
  bits = model.evaluate(last.params, last.extra, RNG, batch)['bits_per_dim'].mean()
  assert entropy < bits < entropy + 0.5
  np.testing.assert_array_equal(
    model.decode(last.params, last.extra, model.encode(last.params, last.extra, RNG, batch)), batch['x']
  )
