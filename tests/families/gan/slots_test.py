"""One contract for each slot of a game, over a table of constructors: a new one is a row. Losses and the penalties of
the discriminator have theirs in tests/losses/gan."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.families.gan import (
  Augmentation,
  Latents,
  Penalty,
  fixed,
  gan,
  heads,
  no_augmentation,
  spoken,
)
from jaxgen.families.gan.latents import normal
from jaxgen.losses.gan import LOSSES as GAMES
from jaxgen.losses.gan import PENALTIES, auxiliary_classifier
from jaxgen.types import DATA_AXIS, Field, State
from jaxgen.updates import clipped

BATCH = {'x': jax.random.normal(jax.random.key(9), (6, 2)) + 3.0, 'label': jnp.arange(6) % 3}
LABEL = Field('label', (), 3)


def adaptive(target: float, rate: float) -> Augmentation:
  """Noise as strong as a controller says, which wants the signs of real logits to have the mean `target`."""

  def update(state, *, real_logits, fake_logits):
    return {'strength': state['strength'] + rate * jnp.sign(jnp.sign(real_logits).mean() - target)}

  return Augmentation(
    init=lambda: {'strength': jnp.zeros(())},
    apply=lambda state, rng, x: x + state['strength'] * jax.random.normal(rng, x.shape),
    update=update,
  )


def spread(generate, rng, *, latents, real):
  """The squared slope of the generator along a random direction, as in the regularization of path lengths."""
  del real
  direction = jax.random.normal(rng, latents.shape)
  _, slope = jax.jvp(generate, (latents,), (direction,))
  return (slope**2).sum(-1)


AUGMENTATIONS = {
  'no_augmentation': no_augmentation(),
  'fixed': fixed(lambda rng, x: x + jax.random.normal(rng, x.shape)),
  'adaptive': adaptive(target=0.6, rate=0.01),
}


LOSSES = GAMES | {'auxiliary_classifier': auxiliary_classifier(GAMES['hinge'])}


class Generator(nn.Module):
  @nn.compact
  def __call__(self, z, given, train):
    return nn.Dense(2)(z)


class Discriminator(nn.Module):
  heads: tuple[str, ...] = ('logits',)

  @nn.compact
  def __call__(self, x, given, train):
    return spoken(
      self.heads,
      logits=lambda: nn.Dense(1, kernel_init=nn.initializers.constant(0.5))(x)[:, 0],
      classes=lambda: nn.Dense(LABEL.levels)(x),
      features=lambda: x,
    )


def _model(**changes):
  settings = dict(
    loss=LOSSES['non_saturating'],
    tx_generator=optax.sgd(0.1),
    tx_discriminator=optax.sgd(0.1),
    ema_decay=0.5,
    latent_dim=2,
    x=Field('vector', (2,), 0),
    label=LABEL,
  )
  settings |= changes
  return gan(Generator(), Discriminator(heads(settings['loss'])), **settings)


def _train(model, num):
  params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), BATCH)
    return state._replace(step=state.step + 1), metrics

  return jax.jit(lambda state: jax.lax.scan(step, state, length=num))(state)


@pytest.mark.parametrize('name', AUGMENTATIONS)
def test_an_augmentation_keeps_shapes_and_the_structure_of_its_state(name):
  augmentation = AUGMENTATIONS[name]
  state = augmentation.init()
  x = augmentation.apply(state, jax.random.key(0), BATCH['x'])
  assert x.shape == BATCH['x'].shape and x.dtype == jnp.float32
  moved = augmentation.update(state, real_logits=jnp.ones(6), fake_logits=-jnp.ones(6))
  assert jax.tree.structure(moved) == jax.tree.structure(state)
  model = _model(augmentation=augmentation)
  trained, metrics = _train(model, 3)
  assert ('augmentation' in trained.extra) == bool(state)
  assert np.isfinite(metrics['loss'].total).all()


def test_a_controller_reads_the_logits_of_every_step():
  """At first all real logits are positive, so at each of three steps the strength rises by the rate."""
  trained, metrics = _train(_model(augmentation=AUGMENTATIONS['adaptive']), 3)
  assert (metrics['real_logit'].total > 0).all()
  np.testing.assert_allclose(trained.extra['augmentation']['strength'], 0.03, rtol=1e-5)


@pytest.mark.parametrize('name', LOSSES)
def test_every_loss_moves_both_players(name):
  model = _model(loss=LOSSES[name], given={'label': LABEL} if 'fake_labels' in LOSSES[name].needs else {})
  start, _ = _train(model, 0)
  trained, metrics = _train(model, 2)
  moved = jax.tree.map(lambda a, b: bool((a != b).any()), start.params, trained.params)
  assert all(layer['kernel'] for player in moved.values() for layer in player.values())
  assert all(np.isfinite(metric.total).all() for metric in metrics.values())


def test_a_relativistic_generator_learns_from_real_examples_too():
  """d/dD(fake) of -log sigmoid(D(fake) - D(real)) depends on D(real): other data, another step of the generator."""
  kernels = []
  for shift in (0.0, 1.0):
    model = _model(loss=LOSSES['relativistic'], tx_discriminator=optax.sgd(0.0))
    params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
    state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, _ = apply(state, jax.random.key(2), {**BATCH, 'x': BATCH['x'] + shift})
    kernels.append(state.params['generator']['Dense_0']['bias'])
  assert (kernels[1] > kernels[0]).all()  # the farther behind, the larger the pull


@pytest.mark.parametrize(('period', 'discriminator_steps'), [(1, 1), (2, 1), (2, 2)])
def test_a_penalty_of_the_generator_enters_at_its_own_moves(period, discriminator_steps):
  model = _model(generator_penalty=Penalty(spread, 0.5, period), discriminator_steps=discriminator_steps)
  _, metrics = _train(model, 8)
  moves = metrics['generator_penalty'].count > 0
  np.testing.assert_array_equal(moves, np.arange(8) % discriminator_steps == 0)
  entered = np.asarray(metrics['generator_penalty'].total)[moves] > 0
  np.testing.assert_array_equal(entered, np.arange(len(entered)) % period == 0)
  assert '0.5 * generator_penalty' in model.objective


def _half_way(state, found):
  """What is beyond a mean that goes half of the way at a time."""
  mean = (state['level'] + found.mean()) / 2
  return found - mean, {'level': mean}


@pytest.mark.parametrize('slot', ['penalty', 'generator_penalty'])
@pytest.mark.parametrize('period', [1, 2])
def test_a_penalty_of_either_player_may_keep_numbers(slot, period):
  def term(player, rng, **inputs):
    return jnp.full(6, 3.0)

  def level():
    return {'level': jnp.zeros(())}

  trained, metrics = _train(_model(**{slot: Penalty(term, 0.5, period, level, _half_way)}), 4)
  levels = np.array([1.5, 2.25, 2.625, 2.8125]) if period == 1 else np.array([1.5, 1.5, 2.25, 2.25])
  np.testing.assert_allclose(metrics['level'].total / metrics['level'].count, levels)
  np.testing.assert_allclose(trained.extra[slot]['level'], levels[-1])
  entered = np.where(np.arange(4) % period == 0, 0.5 * period * (3 - levels), 0)
  np.testing.assert_allclose(metrics[slot].total / metrics[slot].count, entered)


def test_a_penalty_that_keeps_nothing_leaves_no_trace():
  trained, _ = _train(_model(penalty=Penalty(PENALTIES['r1'], 0.5)), 1)
  assert set(trained.extra) == {'generator', 'discriminator'}


def test_a_penalty_of_the_generator_may_hold_it_to_the_real_examples():
  def distance(generate, rng, *, latents, real):
    return jnp.abs(real - generate(latents)).sum(-1)

  _, metrics = _train(_model(generator_penalty=Penalty(distance, 100.0), tx_generator=optax.adam(1e-2)), 100)
  found = metrics['generator_penalty'].total
  assert found[-1] < 0.7 * found[0]


@pytest.mark.parametrize('name', PENALTIES)
def test_every_penalty_of_the_discriminator_enters_its_loss(name):
  _, metrics = _train(_model(penalty=Penalty(PENALTIES[name], 0.5)), 2)
  assert (metrics['penalty'].total >= 0).all()
  np.testing.assert_allclose(
    metrics['loss'].total, metrics['discriminator_loss'].total + metrics['penalty'].total, rtol=1e-5
  )


def test_a_projection_holds_the_discriminator_alone_after_each_of_its_steps():
  model = _model(projection=clipped(0.01), discriminator_steps=2)
  for num in (1, 2):
    trained, _ = _train(model, num)
    sizes = jax.tree.map(lambda leaf: float(jnp.abs(leaf).max()), trained.params)
    assert max(jax.tree.leaves(sizes['discriminator'])) == np.float32(0.01)
    assert max(jax.tree.leaves(sizes['generator'])) > 0.1


def test_knobs_are_those_of_how_latents_are_drawn():
  def shifted(rng, num, latent_dim, shift=0.0):
    return shift + normal(rng, num, latent_dim)

  model = _model(latents=Latents(shifted, knobs={'shift': 0.0}))
  assert dict(model.knobs) == {'shift': 0.0}
  params, extra = jax.jit(model.init)(jax.random.key(0), BATCH)
  draws = [model.sample(params, extra, jax.random.key(1), 5, shift=shift) for shift in (0.0, 1.0)]
  moved = params['generator']['Dense_0']['kernel'].sum(0)
  np.testing.assert_allclose(draws[1] - draws[0], jnp.broadcast_to(moved, (5, 2)), rtol=1e-4, atol=1e-5)
  with pytest.raises(ValueError, match='truncation turns nothing of this model'):
    model.sample(params, extra, jax.random.key(1), 5, truncation=0.5)


def test_latents_are_normal_and_truncated_ones_redrawn():
  rng, draw = jax.random.key(0), jax.jit(normal, static_argnums=(1, 2))
  np.testing.assert_array_equal(draw(rng, 500, 4), jax.random.normal(rng, (500, 4)))
  np.testing.assert_allclose(draw(rng, 500, 4, 0.5), 0.5 * jax.random.normal(rng, (500, 4)), rtol=1e-6)
  z = np.asarray(draw(rng, 5000, 4, 2.0, 0.5))
  assert np.abs(z).max() <= 1.0
  assert (np.abs(z) > 0.99).mean() < 0.05  # redrawn: clipped ones would lie on the edge, 62 of 100
  np.testing.assert_allclose(
    z.std(), 2 * 0.2840, atol=0.01
  )  # of N(0, 1) within 1/2, 1 - phi(1/2) / (Phi(1/2) - 1/2)
