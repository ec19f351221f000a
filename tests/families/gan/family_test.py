import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen import experiment
from jaxgen.families.gan import Penalty, fixed, gan
from jaxgen.families.gan.game import variety
from jaxgen.losses.gan import LOSSES, PENALTIES
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.updates import averaged_params

BATCH = {
  'x': jax.random.normal(jax.random.key(9), (6, 2)) + 3.0,
  'label': jnp.arange(6) % 3,
}
LABEL = {'label': Field('label', (), 3)}


class Affine(nn.Module):
  """`scale z + shift`; the labels choose a shift of their own where there are any."""

  @nn.compact
  def __call__(self, z, given, train):
    h = z * self.param('scale', nn.initializers.ones, (2,)) + self.param('shift', nn.initializers.zeros, (2,))
    return h + nn.Dense(2, use_bias=False)(given['label']) if given else h


class Linear(nn.Module):
  """A slope of `weight`: `D(x) = weight . x + bias`."""

  @nn.compact
  def __call__(self, x, given, train):
    logits = nn.Dense(1, kernel_init=nn.initializers.constant(0.5))(x)[:, 0]
    return logits + nn.Dense(1)(given['label'])[:, 0] if given else logits


class Normalized(nn.Module):
  """A generator with batch statistics."""

  @nn.compact
  def __call__(self, z, given, train):
    return nn.Dense(2)(nn.BatchNorm(use_running_average=not train, momentum=0.5)(nn.Dense(4)(z)))


def _model(generator=None, discriminator=None, **changes):
  settings = dict(
    loss=LOSSES['non_saturating'],
    tx_generator=optax.sgd(0.1),
    tx_discriminator=optax.sgd(0.1),
    ema_decay=0.5,
    latent_dim=2,
    x=Field('vector', (2,), 0),
  )
  return gan(generator or Affine(), discriminator or Linear(), **{**settings, **changes})


def _start(model):
  params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
  return State(jnp.zeros((), jnp.int32), params, extra, model.update.init(params), jax.random.key(1))


def _stepper(model):
  @jax.jit
  def step(state, batch):
    rng = jax.random.fold_in(state.rng, state.step)
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, rng, batch)
    return state._replace(step=state.step + 1), metrics

  return step


def _value(metric):
  return metric.total / metric.count


def _moved(old, new):
  return any(jax.tree.leaves(jax.tree.map(lambda a, b: bool(jnp.any(a != b)), old, new)))


def test_the_generator_moves_every_n_steps_and_the_discriminator_at_all():
  model = _model(discriminator_steps=3)
  step, state = _stepper(model), _start(model)
  moves = []
  for _ in range(5):
    new, metrics = step(state, BATCH)
    moves.append([_moved(state.params[name], new.params[name]) for name in ('generator', 'discriminator')])
    assert metrics['generator_loss'].count == (6 if moves[-1][0] else 0)
    state = new
  assert moves == [[True, True], [False, True], [False, True], [True, True], [False, True]]
  assert _moved(averaged_params(state), state.params)


def test_first_step_by_hand():
  model = _model()
  start = _start(model)
  state, metrics = _stepper(model)(start, BATCH)
  # D(x) = 0.5 (x_1 + x_2) at first, whatever z is; its loss on the real half alone is known.
  real_logits = 0.5 * BATCH['x'].sum(1)
  np.testing.assert_allclose(_value(metrics['real_logit']), real_logits.mean(), rtol=1e-5)
  assert metrics['loss'].count == 6
  np.testing.assert_allclose(_value(metrics['loss']), _value(metrics['discriminator_loss']))
  # The bias moves by the rate times mean(sigmoid(-real)) - mean(sigmoid(fake)), and the generator then follows the
  # slope of the new discriminator: its shift moves along that weight.
  weight = state.params['discriminator']['Dense_0']['kernel'][:, 0]
  shift = state.params['generator']['shift'] - start.params['generator']['shift']
  np.testing.assert_allclose(shift[0] / shift[1], weight[0] / weight[1], rtol=1e-4)
  assert np.all(shift > 0)  # towards the data at (3, 3)


@pytest.mark.parametrize('period', [1, 2])
def test_penalty_enters_the_loss_in_proportion(period):
  model = _model(penalty=Penalty(PENALTIES['r1'], 0.4, period))
  step, state = _stepper(model), _start(model)
  for index in range(3):
    slope = state.params['discriminator']['Dense_0']['kernel']
    state, metrics = step(state, BATCH)
    expected = 0.4 * period * (slope**2).sum() / 2 if index % period == 0 else 0.0
    np.testing.assert_allclose(_value(metrics['penalty']), expected, rtol=1e-5)
    np.testing.assert_allclose(
      _value(metrics['loss']), _value(metrics['discriminator_loss']) + expected, rtol=1e-5
    )
  assert '0.4 * penalty' in model.objective
  with pytest.raises(ValueError, match='period of a penalty'):
    _stepper(_model(penalty=Penalty(PENALTIES['r1'], 0.4, 0)))(_start(_model()), BATCH)


def test_penalty_is_of_the_examples_as_they_are_through_the_augmentation():
  """A contrast of 3 makes every slope three times as steep; at augmented examples it would be as it was."""
  penalties = []
  for contrast in (1.0, 3.0):
    augmentation = fixed(lambda rng, x, contrast=contrast: contrast * x)
    model = _model(penalty=Penalty(PENALTIES['r1'], 0.4), augmentation=augmentation)
    _, metrics = _stepper(model)(_start(model), BATCH)
    penalties.append(_value(metrics['penalty']))
  np.testing.assert_allclose(penalties[1], 9 * penalties[0], rtol=1e-5)


def test_penalty_moves_the_discriminator_by_its_own_gradient():
  plain, penalized = _model(), _model(penalty=Penalty(PENALTIES['r1'], 0.4))
  start = _start(plain)
  kernels = [
    _stepper(model)(start._replace(opt=model.update.init(start.params)), BATCH)[0].params['discriminator'][
      'Dense_0'
    ]['kernel']
    for model in (plain, penalized)
  ]
  # d/dw of 0.4 ||w||^2 / 2 is 0.4 w, and the rate is 0.1.
  slope = start.params['discriminator']['Dense_0']['kernel']
  np.testing.assert_allclose(kernels[1] - kernels[0], -0.04 * slope, rtol=1e-3, atol=1e-6)


def test_batch_statistics_move_with_their_player_and_averages_serve_sampling():
  model = _model(Normalized(), discriminator_steps=2)
  step, start = _stepper(model), _start(model)
  assert set(start.extra) == {'generator', 'discriminator'} and not start.extra['discriminator']
  first, _ = step(start, BATCH)
  second, _ = step(first, BATCH)
  assert _moved(start.extra['generator'], first.extra['generator'])
  assert not _moved(first.extra['generator'], second.extra['generator'])
  # One latent's image does not depend on the company it is made in.
  z = jax.random.normal(jax.random.key(3), (5, 2))
  together = model.decode(second.params, second.extra, z)
  alone = model.decode(second.params, second.extra, z[:1])
  np.testing.assert_allclose(together[:1], alone, rtol=1e-5, atol=1e-6)


def test_the_average_is_the_generators_own_and_moves_with_it():
  model = _model(discriminator_steps=2)
  step, state, averages = _stepper(model), _start(model), []
  for _ in range(3):
    state, _ = step(state, BATCH)
    averages.append(averaged_params(state))
  assert [_moved(averages[i]['generator'], averages[i + 1]['generator']) for i in (0, 1)] == [False, True]
  assert not _moved(averages[-1]['discriminator'], state.params['discriminator'])


@pytest.mark.parametrize('given', [{}, LABEL])
def test_the_averaged_generator_has_batch_statistics_of_its_own(given):
  """Those of `Dense_1` are known: z ~ N(0, I) gives its bias as the mean and the squares of its kernel as variance."""
  model = _model(Normalized(), tx_generator=optax.sgd(5.0), ema_decay=0.9, given=given)
  step, state = _stepper(model), _start(model)
  for _ in range(5):
    state, _ = step(state, BATCH)
  weights = experiment.weights(model, state, seed=0)
  assert weights['raw'].extra is state.extra
  errors = {}
  for name in ('raw', 'averaged'):
    dense = weights['averaged'].params['generator']['Dense_1']
    found = weights[name].extra['generator']['batch_stats']['BatchNorm_0']
    variance = (dense['kernel'] ** 2).sum(0)
    errors[name] = max(
      np.abs((found['mean'] - dense['bias']) / np.sqrt(variance)).max(),
      np.abs(found['var'] / variance - 1).max(),
    )
  assert errors['averaged'] < 0.3 < errors['raw']


def test_without_batch_statistics_the_rest_of_the_state_stays():
  model = _model()
  state, _ = _stepper(model)(_start(model), BATCH)
  assert experiment.weights(model, state)['averaged'].extra == state.extra


def test_labels_reach_both_networks_and_the_samples():
  model = _model(given=LABEL)
  state, _ = _stepper(model)(_start(model), BATCH)
  x = model.sample(state.params, state.extra, jax.random.key(0), 4, {'label': jnp.array([0, 1, 2, 0])})
  y = model.sample(state.params, state.extra, jax.random.key(0), 4, {'label': jnp.array([0, 2, 2, 1])})
  same = np.all(np.asarray(x == y), axis=1)
  np.testing.assert_array_equal(same, [True, False, True, False])
  assert 'Dense_1' in state.params['discriminator']
  decoded = model.decode(state.params, state.extra, jnp.zeros((3, 2)), {'label': jnp.arange(3)})
  assert len(np.unique(decoded, axis=0)) == 3
  with pytest.raises(ValueError, match='conditioned on label needs'):
    model.decode(state.params, state.extra, jnp.zeros((3, 2)))


def test_augment_meets_real_and_generated_examples_alike():
  # Everything moved to the same point: the discriminator cannot tell, and the generator gets no gradient.
  model = _model(augmentation=fixed(lambda rng, x: 0 * x + 1.0))
  start = _start(model)
  state, metrics = _stepper(model)(start, BATCH)
  np.testing.assert_allclose(_value(metrics['discriminator_accuracy']), 0.5)
  np.testing.assert_allclose(_value(metrics['real_logit']), _value(metrics['fake_logit']))
  assert not _moved(start.params['generator'], state.params['generator'])


def test_evaluation_sees_what_training_sees():
  """Else what is held out would look to a discriminator that knows augmented examples alone like nothing it knows."""
  model = _model(augmentation=fixed(lambda rng, x: x + 10.0))
  start = _start(model)
  _, metrics = _stepper(model)(start, BATCH)
  held_out = model.evaluate(start.params, start.extra, jax.random.key(1), BATCH)
  np.testing.assert_allclose(held_out['real_logit'].mean(), _value(metrics['real_logit']), rtol=1e-5)


@pytest.mark.parametrize(
  ('name', 'shift'), [('non_saturating', 0.0), ('least_squares', 0.5), ('wasserstein', None)]
)
def test_accuracies_are_on_either_side_of_the_boundary_of_the_loss(name, shift):
  model = _model(loss=LOSSES[name])
  params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
  x = {**BATCH, 'x': jnp.array([[0.4, 0.4], [-0.2, 0.0], [0.6, 0.6]])}  # logits 0.4, -0.1, 0.6
  terms = model.evaluate(params, extra, jax.random.key(1), x)
  if shift is None:
    assert 'real_accuracy' not in terms and 'fake_accuracy' not in terms
    return
  np.testing.assert_array_equal(terms['real_accuracy'], np.array([0.4, -0.1, 0.6]) > shift)
  np.testing.assert_array_equal(terms['fake_accuracy'], terms['fake_logit'] < shift)


def test_evaluation_is_per_example_and_samples_repeat():
  model = _model()
  params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
  metrics = model.evaluate(params, extra, jax.random.key(1), BATCH)
  assert {name: value.shape for name, value in metrics.items()} == dict.fromkeys(
    (
      *('loss', 'discriminator_loss', 'generator_loss', 'discriminator_accuracy'),
      *('real_logit', 'fake_logit', 'real_accuracy', 'fake_accuracy'),
      *('generator_spectral_norm', 'discriminator_spectral_norm'),
    ),
    (6,),
  )
  samples = [model.sample(params, extra, jax.random.key(seed), 4) for seed in (0, 0, 1)]
  np.testing.assert_array_equal(samples[0], samples[1])
  assert _moved(samples[0], samples[2])


def test_a_generator_finds_a_gaussian():
  class Critic(nn.Module):
    @nn.compact
    def __call__(self, x, given, train):
      return nn.Dense(1)(nn.tanh(nn.Dense(16)(nn.tanh(nn.Dense(16)(x)))))[:, 0]

  model = _model(
    Affine(),
    Critic(),
    loss=LOSSES['hinge'],
    tx_generator=optax.adam(0.01, b1=0.5),
    tx_discriminator=optax.adam(0.01, b1=0.5),
    ema_decay=0.99,
    penalty=Penalty(PENALTIES['r1'], 0.3),
  )
  apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)

  def body(state, _):
    rng = jax.random.fold_in(state.rng, state.step)
    x = jnp.array([2.0, -1.0]) + jnp.array([0.5, 1.5]) * jax.random.normal(rng, (128, 2))
    state, metrics = apply(state, jax.random.fold_in(rng, 1), {'x': x})
    return state._replace(step=state.step + 1), metrics

  state, metrics = jax.jit(lambda state: jax.lax.scan(body, state, length=1500))(_start(model))
  x = model.sample(averaged_params(state), state.extra, jax.random.key(5), 4000)
  np.testing.assert_allclose(x.mean(0), [2.0, -1.0], atol=0.25)
  np.testing.assert_allclose(x.std(0), [0.5, 1.5], rtol=0.25)
  assert 0.5 < _value(jax.tree.map(lambda m: m[-100:].sum(), metrics['variety'])) < 1.5


def test_variety_is_relative_to_real_examples_and_one_alone_has_none():
  real = jnp.array([[0.0, 0.0], [2.0, 2.0]])
  assert variety(real=real, fake=real / 2) == 0.25
  assert variety(real=real[:1], fake=real[:1]) == 1
  assert variety(real=jnp.ones((2, 3)), fake=jnp.zeros((2, 3))) == 1
