"""Students of inverse autoregressive flows: closed forms on a few samples, with teachers that are known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from scipy import special

from jaxgen.bijectors import Autoregressive, Chain, Inverse, transforms
from jaxgen.errors import UserError
from jaxgen.families.distilled import Student, Teacher, Terms, distilled, stratified_logistic
from jaxgen.losses.logistic_mixture import LogisticMixture
from jaxgen.models.flow.parallel_wavenet import Conditioner
from jaxgen.nn import MADE
from jaxgen.nn.sequence import DilatedStack
from jaxgen.types import DATA_AXIS, Field, State

RNG = jax.random.key(0)
LENGTH, LEVELS, CLASSES = 6, 256, 2
SOUND, PITCH = Field('audio', (LENGTH, 1), LEVELS), Field('label', (), CLASSES)
BATCH = {'x': jnp.full((5, LENGTH, 1), 100, jnp.uint8), 'pitch': jnp.array([0, 1, 1, 0, 1])}
AFFINE = transforms.location_scale(transforms.bounded_log_scale(2.0))


def flows(num=2):
  return [Autoregressive(MADE((16,), 2, activation=jnp.tanh), AFFINE) for _ in range(num)]


def echo(x, given=None):
  """A conditioner without weights: log-scales of -1, and 0.8 of the noise that is left of the sample before.

  The student is x_t = e^-1 z_t + 0.8 e^-1 z_t-1, and of its samples x_t is no function of x_t-1 alone.
  """
  before = jnp.pad(x, ((0, 0), (1, 0)))[:, :-1]
  return jnp.concatenate([0.8 * np.exp(-1) * before, jnp.full(x.shape, -1.0)], -1)


def teacher(coefficient=0.5, log_scale=-1.0, by_pitch=0.0):
  """y_t is logistic round `coefficient` y_t-1, moved by the pitch."""

  def mixtures(frozen, y, given):
    means = frozen['coefficient'] * jnp.pad(y, ((0, 0), (1, 0)))[:, :-1]
    means += by_pitch * given['pitch'][:, 1:] if given else 0.0
    parts = jnp.zeros(y.shape), means, jnp.full(y.shape, log_scale)
    return LogisticMixture(*(part[..., None] for part in parts))

  return Teacher({'coefficient': jnp.float32(coefficient)}, mixtures)


def model(of_noise=None, **changes):
  settings = dict(teacher=teacher(), tx=optax.adam(1e-2), ema_decay=0.9, x=SOUND) | changes
  return distilled(flows() if of_noise is None else of_noise, **settings)


@pytest.fixture(scope='module')
def student():
  """A student of random weights on conditions, and what it makes of noise z: `(Student, variables, z)`."""
  network = Student(Chain([Inverse(flow) for flow in reversed(flows())]))
  z, given = jax.random.logistic(RNG, (3, LENGTH)), {'pitch': jax.nn.one_hot(jnp.array([0, 1, 0]), CLASSES)}
  variables = network.init(RNG, z, given, False)
  noise = np.random.default_rng(0)
  variables = jax.tree.map(lambda p: jnp.asarray(noise.normal(0, 0.4, p.shape), p.dtype), variables)
  return partial(network.apply, variables), z, given


def test_given_the_noise_before_a_sample_is_logistic_with_the_mean_and_scale_that_are_said(student):
  apply, z, given = student
  said = jax.jit(lambda z: apply(z, given, False))(z)
  np.testing.assert_allclose(said.y, said.means + np.exp(said.log_scales) * z, rtol=1e-5)
  jacobian = jax.jit(jax.jacobian(lambda z: apply(z, given, False)))(z)
  for example in range(len(z)):
    y, means, log_scales = (np.asarray(part)[example, :, example] for part in jacobian)
    np.testing.assert_array_equal(np.triu(means, 1), 0)  # of the noise before alone, exactly
    np.testing.assert_allclose(np.diag(means), 0, atol=1e-6)  # its own is taken away again
    np.testing.assert_array_equal(np.triu(log_scales), 0)
    assert (np.tril(means, -1)[np.tril_indices(LENGTH, -1)] != 0).all()  # and of all of it
    np.testing.assert_allclose(np.diag(y), np.exp(said.log_scales[example]), rtol=1e-5)
    np.testing.assert_array_equal(np.triu(y, 1), 0)


def test_the_density_of_a_sample_is_that_of_its_noise(student):
  apply, z, given = student
  said = apply(z, given, False)
  expected = (jax.scipy.stats.logistic.logpdf(z) - said.log_scales).sum(1)
  found = jax.jit(lambda y: apply(y, given, method='log_density'))(said.y)
  np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_terms_of_a_student_without_weights_are_those_computed_by_hand():
  """By the first two samples: y_1 ~ logistic(0, e^-1) on both sides, and KL_2 is of two means, by quadrature."""
  of_two = Field('audio', (2, 1), LEVELS)
  made = model([Autoregressive(echo, AFFINE)], x=of_two, terms=Terms(draws=256))
  params, extra = made.init(RNG, BATCH)
  batch = {'x': jnp.zeros((512, 2, 1), jnp.uint8)}
  terms = jax.jit(made.evaluate)(params, extra, RNG, batch)
  s = np.exp(2 * np.tanh(-0.5))  # what the bound makes of a log-scale of -1
  np.testing.assert_allclose(terms['entropy'], 2 + np.log(s), rtol=1e-5)
  np.testing.assert_allclose(terms['kl_per_sample'], terms['cross_entropy'] - terms['entropy'], atol=1e-5)
  noise = special.logit((np.arange(1000) + 0.5) / 1000)

  def kl(shift):
    """Of logistic(shift, s) to logistic(0, e^-1)."""
    standard = (shift + s * noise) * np.e
    return (np.abs(standard) + 2 * np.log1p(np.exp(-np.abs(standard))) - 1).mean() - 2 - np.log(s)

  means = (0.8 * np.exp(-1) - 0.5 * s) * noise
  expected = (kl(0) + np.mean([kl(mean) for mean in means])) / 2
  values = np.asarray(terms['kl_per_sample'])
  assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values)) + 1e-3


def test_a_step_moves_the_student_alone_and_a_sample_is_codes():
  made = model(given={'pitch': PITCH}, terms=Terms(draws=4, power=2.0, frame=4, hop=2, gamma=0.3))
  params, extra = made.init(RNG, BATCH)
  state = State(jnp.int32(0), params, extra, made.update.init(params), jax.random.key_data(RNG))
  step = jax.vmap(made.update.apply, in_axes=(None, None, 0), out_axes=None, axis_name=DATA_AXIS)
  batch = jax.tree.map(lambda value: value[None], BATCH)
  moved, metrics = jax.jit(step)(state, RNG, batch)
  assert set(moved.params) == {'student'} and metrics.keys() >= {'kl_per_sample', 'other_kl', 'power', 'loss'}
  assert any(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a != b).any()), params, moved.params)))
  np.testing.assert_array_equal(moved.extra['stages']['teacher']['coefficient'], jnp.float32(0.5))
  terms = jax.jit(made.evaluate)(params, extra, RNG, BATCH)
  whole = terms['kl_per_sample'] - 0.3 * terms['other_kl'] + 2 * terms['power']
  np.testing.assert_allclose(terms['loss'], whole, rtol=1e-4)
  draw = jax.jit(made.sample, static_argnums=3)
  given = {'pitch': jnp.array([0, 1, 1])}
  x = draw(params, extra, RNG, 3, given)
  assert x.dtype == jnp.uint8 and x.shape == (3, LENGTH, 1)
  silent = draw(params, extra, RNG, 3, given, temperature=0.0)
  np.testing.assert_array_equal(silent, 128)  # y = 0 is where the upper half of the codes begins


class Echo(nn.Module):
  """`echo` with the coefficient as a weight."""

  @nn.compact
  def __call__(self, x, given=None):
    weight = self.param('weight', lambda _: jnp.float32(0.8))
    before = jnp.pad(x, ((0, 0), (1, 0)))[:, :-1]
    return jnp.concatenate([weight * np.exp(-1) * before, jnp.full(x.shape, -1.0)], -1)


def test_a_step_goes_down_the_slope_of_its_loss():
  """By what the loss is under the same key at a weight a little higher and lower: the teacher's word on what it is
  shown, and on the draws, both count."""
  made = model([Autoregressive(Echo(), AFFINE)], tx=optax.sgd(1.0), terms=Terms(draws=4))
  params, extra = made.init(RNG, {})
  step = jax.jit(jax.vmap(made.update.apply, in_axes=(None, None, 0), out_axes=None, axis_name=DATA_AXIS))

  def stepped(change):
    moved = jax.tree.map(lambda weight: weight + change, params)
    state = State(jnp.int32(0), moved, extra, made.update.init(params), jax.random.key_data(RNG))
    after, metrics = step(state, RNG, jax.tree.map(lambda value: value[None], BATCH))
    (before,), (after,) = jax.tree.leaves(moved), jax.tree.leaves(after.params)
    return float(before - after), float(metrics['loss'].compute())

  width = 0.02
  slope = (stepped(width)[1] - stepped(-width)[1]) / (2 * width)
  np.testing.assert_allclose(stepped(0.0)[0], slope, rtol=0.01)


def test_the_contrastive_term_needs_another_example_in_a_step():
  made = model(teacher=teacher(by_pitch=3.0), given={'pitch': PITCH}, terms=Terms(gamma=0.3))
  params, extra = jax.eval_shape(made.init, RNG, BATCH)
  state = State(0, params, extra, jax.eval_shape(made.update.init, params), jax.random.key_data(RNG))
  step = jax.vmap(made.update.apply, in_axes=(None, None, 0), out_axes=None, axis_name=DATA_AXIS)
  alone = jax.tree.map(lambda value: value[None, :1], BATCH)
  with pytest.raises(UserError, match='1 on each device; raise config.batch_size'):
    jax.eval_shape(step, state, RNG, alone)


def test_other_conditions_are_those_of_another_example():
  """Where the teacher hears the pitch, its own is nearer."""
  made = model(
    [Autoregressive(echo, AFFINE)],
    teacher=teacher(by_pitch=3.0),
    given={'pitch': PITCH},
    terms=Terms(gamma=0.3),
  )
  params, extra = made.init(RNG, BATCH)
  alike = jax.jit(made.evaluate)(params, extra, RNG, BATCH | {'pitch': jnp.ones(5, jnp.int32)})
  np.testing.assert_allclose(alike['other_kl'], alike['kl_per_sample'])
  terms = jax.jit(made.evaluate)(params, extra, RNG, BATCH)
  same = np.asarray(BATCH['pitch'] == jnp.roll(BATCH['pitch'], 1))
  np.testing.assert_array_equal(np.isclose(terms['other_kl'], terms['kl_per_sample']), same)


def test_stratified_noise_has_one_draw_in_each_part_of_the_mass():
  noise = stratified_logistic(RNG, (4, 3), 8)
  parts = np.floor(special.expit(np.float64(noise)) * 8)
  np.testing.assert_array_equal(parts, np.broadcast_to(np.arange(8), (4, 3, 8)))
  many = np.asarray(stratified_logistic(RNG, (20_000,), 2), np.float64)
  np.testing.assert_allclose((many**2).mean(), np.pi**2 / 3, rtol=0.03)


@pytest.mark.parametrize(
  ('changes', 'sentence'),
  [
    (dict(of_noise=[]), 'a student needs at least one flow'),
    (
      dict(of_noise=[Autoregressive(echo, transforms.rational_quadratic(4))]),
      'the flows of a student are affine',
    ),
    (dict(x=Field('image', (8, 8, 1), 17)), 'not image data'),
    (dict(terms=Terms(power=1.0)), 'frames of 256 values do not fit examples of 6'),
    (dict(terms=Terms(gamma=0.3)), 'a contrastive term needs conditions'),
  ],
)
def test_what_cannot_be_is_refused(changes, sentence):
  with pytest.raises(ValueError, match=sentence):
    model(**changes)


@pytest.mark.slow
def test_a_student_comes_within_a_twentieth_of_a_nat_of_an_autoregressive_sound():
  """Of 64 samples y_t = 0.8 y_t-1 + 0.1 logistic noise, whose memory is longer than one flow sees."""
  stack = partial(DilatedStack, 16, 16, 16, (1, 2, 4))
  noise = [Autoregressive(Conditioner(stack()), AFFINE) for _ in range(4)]
  sound = Field('audio', (64, 1), LEVELS)
  made = model(
    noise, x=sound, teacher=teacher(0.8, np.log(0.1)), tx=optax.adam(optax.cosine_decay_schedule(5e-3, 600))
  )
  batch = {'x': jnp.zeros((1, 16, 64, 1), jnp.uint8)}
  params, extra = made.init(RNG, {})
  state = State(jnp.int32(0), params, extra, made.update.init(params), jax.random.key_data(RNG))
  step = jax.vmap(made.update.apply, in_axes=(None, None, 0), out_axes=None, axis_name=DATA_AXIS)

  def train(state, rng):
    return jax.lax.scan(lambda state, rng: (step(state, rng, batch)[0], None), state, rng)[0]

  state = jax.jit(train)(state, jax.random.split(RNG, 600))
  many = {'x': jnp.zeros((256, 64, 1), jnp.uint8)}
  kl = jax.jit(made.evaluate)(state.params, extra, jax.random.key(1), many)['kl_per_sample']
  assert -0.01 < kl.mean() < 0.05
