"""What a loss is told of a discriminator's verdict, and what is refused before anything runs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgen.errors import UserError
from jaxgen.families.gan import gan, heads, spoken
from jaxgen.families.gan.verdict import verdict
from jaxgen.losses.gan import LOSSES, auxiliary_classifier
from jaxgen.types import DATA_AXIS, Field, State

LABEL = Field('label', (), 3)
CENTRES = jnp.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
AUXILIARY = auxiliary_classifier(LOSSES['non_saturating'])


class Generator(nn.Module):
  @nn.compact
  def __call__(self, z, given, train):
    h = 0.3 * z + nn.Dense(2)(z)
    return h + nn.Dense(2)(given['label']) if given else h


class Discriminator(nn.Module):
  heads: tuple[str, ...] = ('logits',)
  classes: int = 3

  @nn.compact
  def __call__(self, x, given, train):
    if given:
      nn.Dense(1, name='saw')(given['label'])
    h = nn.leaky_relu(nn.Dense(32)(x))
    return spoken(
      self.heads,
      logits=lambda: nn.Dense(1)(h)[:, 0],
      classes=lambda: nn.Dense(self.classes)(h),
      features=lambda: h,
    )


def _model(loss, discriminator=None, **changes):
  settings = dict(
    tx_generator=optax.adam(0.02, b1=0.5),
    tx_discriminator=optax.adam(0.02, b1=0.5),
    ema_decay=0.9,
    latent_dim=2,
    x=Field('vector', (2,), 0),
    label=LABEL,
  )
  return gan(Generator(), discriminator or Discriminator(heads(loss)), loss=loss, **settings | changes)


def _batch(rng, num=64):
  label = jnp.arange(num) % 3
  return {'x': CENTRES[label] + 0.3 * jax.random.normal(rng, (num, 2)), 'label': label}


def _train(model, num):
  params, extra = jax.jit(model.init)(jax.random.key(0), _batch(jax.random.key(1)))
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))
  apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)

  def step(state, _):
    rng = jax.random.fold_in(state.rng, state.step)
    state, metrics = apply(state, rng, _batch(rng))
    return state._replace(step=state.step + 1), metrics

  return jax.jit(lambda state: jax.lax.scan(step, state, length=num))(state)


def test_an_auxiliary_classifier_teaches_a_generator_what_a_label_is():
  model = _model(AUXILIARY, given={'label': LABEL})
  state, metrics = _train(model, 400)
  label = jnp.arange(90) % 3
  draw = jax.jit(model.sample, static_argnums=3)
  x = draw(state.params, state.extra, jax.random.key(4), 90, {'label': label})
  nearest = ((x[:, None] - CENTRES) ** 2).sum(-1).argmin(1)
  assert (nearest == label).mean() > 0.95
  assert metrics['real_class_accuracy'].total[-1] / 64 > 0.95
  assert metrics['fake_class_accuracy'].total[0] / 64 < 0.8  # not from the start


def test_the_discriminator_does_not_see_the_label_that_it_has_to_tell():
  for loss, shown in ((AUXILIARY, False), (LOSSES['hinge'], True)):
    state, _ = _train(_model(loss, given={'label': LABEL}), 0)
    assert ('saw' in state.params['discriminator']) == shown


def test_k_plus_one_classes_learn_labels_without_being_given_any():
  model = _model(LOSSES['k_plus_one'])
  assert model.given == ()
  state, metrics = _train(model, 300)
  assert metrics['real_class_accuracy'].total[-1] / 64 > 0.95
  x = model.sample(state.params, state.extra, jax.random.key(4), 90)
  assert x.shape == (90, 2) and np.isfinite(x).all()


def test_terms_are_those_of_the_loss():
  model, batch = _model(AUXILIARY, given={'label': LABEL}), _batch(jax.random.key(2))
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  terms = jax.jit(model.evaluate)(params, extra, jax.random.key(3), batch)
  said = Discriminator(heads(AUXILIARY)).apply({'params': params['discriminator']}, batch['x'], {}, True)
  found = said['classes'].argmax(-1) == batch['label']
  np.testing.assert_array_equal(terms['real_class_accuracy'], found)
  np.testing.assert_allclose(terms['real_logit'], said['logits'], rtol=1e-5)
  assert {value.shape for value in terms.values()} == {(64,)}


def test_a_verdict_without_a_logit_has_that_of_its_classes():
  classes = jnp.array([[0.0, 0.0], [1.0, -1.0]])
  np.testing.assert_allclose(
    verdict({'classes': classes})['logits'], [np.log(2), np.log(np.e + 1 / np.e)], rtol=1e-6
  )
  assert set(verdict(jnp.ones(3))) == {'logits'}


@pytest.mark.parametrize(
  ('loss', 'changes', 'sentence'),
  [
    (AUXILIARY, dict(label=None), 'needs labels, and the data have none'),
    (LOSSES['k_plus_one'], dict(label=None), 'needs labels, and the data have none'),
    (AUXILIARY, dict(), 'asks which label an example was generated for'),
    (AUXILIARY, dict(given={'label': LABEL}, discriminator=Discriminator()), 'needs classes of its disc'),
    (
      LOSSES['feature_matching'],
      dict(discriminator=Discriminator()),
      'needs features of its .* gives logits',
    ),
    (
      LOSSES['k_plus_one'],
      dict(discriminator=Discriminator(('classes',), 5)),
      r'classes of shape \(5,\), and the data have 3',
    ),
  ],
)
def test_what_a_loss_misses_is_said_when_the_model_is_built(loss, changes, sentence):
  with pytest.raises(UserError, match=sentence):
    _model(loss, **changes)
