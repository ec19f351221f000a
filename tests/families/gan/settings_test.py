"""What a config may set of an adversarial network, and what it says of settings that do not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict

from configs import gan_digits, gan_toy, progan_mnist, translate_digits
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.losses.gan import LOSSES
from jaxgen.models.gan import dcgan, gan_mlp, pix2pix, progan
from jaxgen.settings import gan as settings
from jaxgen.types import DATA_AXIS, Field, State

IMAGE, POINT, LABEL = Field('image', (8, 8, 1), 17), Field('vector', (2,), 0), Field('label', (), 10)
MODELS = {
  'dcgan': (gan_digits, dcgan),
  'gan_mlp': (gan_digits, gan_mlp),
  'pix2pix': (translate_digits, pix2pix),
  'progan': (progan_mnist, progan),
}


def built(name, spec, given=(), **model):
  """What the model of this name makes of data with these fields."""
  file, module = (gan_toy, gan_mlp) if name == 'points' else MODELS[name]
  config = file.get_config('smoke')
  if name == 'gan_mlp':
    config.model = gan_toy.get_config('smoke').model
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict(spec))
  config.model.update(model)
  return module.build(config)


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('weight', [0.0, 0.5])
@pytest.mark.parametrize('name', ['dcgan', 'gan_mlp', 'progan'])
def test_every_model_takes_every_loss_and_a_classifier_or_says_why_not(name, weight, loss):
  spec = {'x': IMAGE, 'label': LABEL}
  if weight and 'real_classes' in LOSSES[loss].needs:
    with pytest.raises(UserError, match='classifier_weight=0.5 is of losses that know no classes'):
      built(name, spec, ('label',), loss=loss, classifier_weight=weight)
    return
  model = built(name, spec, ('label',), loss=loss, classifier_weight=weight)
  batch = fields.blank(spec, 4)
  terms = jax.eval_shape(lambda rng: model.evaluate(*model.init(rng, batch), rng, batch), jax.random.key(0))
  assert terms and all(term.shape == (4,) for term in terms.values())
  assert ('+ 0.5 * classes' in model.objective) == bool(weight)


@pytest.mark.parametrize('name', ['dcgan', 'points'])
@pytest.mark.parametrize('changes', [dict(loss='k_plus_one'), dict(classifier_weight=1.0)])
def test_data_without_labels_are_refused_where_a_loss_needs_them(name, changes):
  with pytest.raises(UserError, match='needs labels, and the data have none'):
    built(name, {'x': POINT if name == 'points' else IMAGE}, **changes)


def test_an_auxiliary_classifier_wants_the_label_given():
  with pytest.raises(UserError, match=r'set --config.given="\(\'label\',\)"'):
    built('dcgan', {'x': IMAGE, 'label': LABEL}, classifier_weight=1.0)


@pytest.mark.parametrize('changes', [dict(loss='feature_matching'), dict(loss='k_plus_one')])
def test_a_discriminator_of_patches_has_no_other_heads(changes):
  with pytest.raises(UserError, match='of its discriminator, which gives logits'):
    built('pix2pix', {'x': IMAGE, 'y': IMAGE, 'label': LABEL}, ('y',), **changes)


@pytest.mark.parametrize(
  ('name', 'spec', 'given', 'sentence'),
  [
    ('points', {'x': POINT}, (), 'has vector data'),
    ('pix2pix', {'x': IMAGE, 'y': IMAGE}, ('y',), 'image data are given'),
  ],
)
def test_an_augmentation_is_of_images_alone(name, spec, given, sentence):
  with pytest.raises(UserError, match=sentence):
    built(name, spec, given, augmentation='color,cutout')


def test_an_augmentation_is_reached_from_the_config():
  """The discriminator is trained, and evaluated, on other images than there are."""
  x = jax.random.randint(jax.random.key(2), (4, 8, 8, 1), 0, 17).astype(jnp.uint8)
  batch, trained, evaluated = {'x': x, 'label': jnp.zeros(4, jnp.uint8)}, [], []
  for policies in ('', 'color,translation,cutout'):
    model = built('dcgan', {'x': IMAGE, 'label': LABEL}, augmentation=policies)

    @jax.jit
    def logits(rng, model=model):
      params, extra = model.init(rng, batch)
      state = State(jnp.int32(0), params, extra, model.update.init(params), rng)
      apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
      evaluated = model.evaluate(params, extra, rng, batch)['real_logit'].mean()
      return apply(state, rng, batch)[1]['real_logit'].total / 4, evaluated

    for found, value in zip((trained, evaluated), logits(jax.random.key(0)), strict=True):
      found.append(float(value))
  assert trained[0] == pytest.approx(evaluated[0], rel=1e-4)
  assert trained[1] != pytest.approx(trained[0], rel=1e-2)
  assert evaluated[1] != pytest.approx(evaluated[0], rel=1e-2)


def test_orthogonal_regularization_is_of_the_kernels_of_the_generator_alone():
  """But for what it calls an embedding: after a step at a rate of 1 the two runs differ by the gradient of the term."""
  config, weight = gan_toy.get_config('smoke'), 0.1
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': POINT}))
  for name in ('optimizer', 'discriminator_optimizer'):
    config[name].update(dict(name='sgd', learning_rate=1.0))
  batch = {'x': jax.random.normal(jax.random.key(1), (4, 2))}

  class Embedded(gan_mlp.Generator):
    @nn.compact
    def __call__(self, z, given, train):
      return super().__call__(z, given, train) + nn.Dense(2, name='embedding')(z)

  def stepped(weight):
    networks = Embedded((8,), (2,), False), gan_mlp.Discriminator((8,))
    model = settings.assemble(config, *networks, orthogonal_weight=weight)
    assert ('the generator with + 0.1 * orthogonality' in model.objective) == bool(weight)

    @jax.jit
    def step(rng):
      params, extra = model.init(rng, batch)
      state = State(jnp.int32(0), params, extra, model.update.init(params), rng)
      apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
      return params, apply(state, rng, batch)[0].params

    return step(jax.random.key(0))

  start, plain = stepped(0.0)
  _, regularized = stepped(weight)
  jax.tree.map(np.testing.assert_array_equal, plain['discriminator'], regularized['discriminator'])
  pairs = {
    name: (start['generator'][name]['kernel'], layer['kernel'] - regularized['generator'][name]['kernel'])
    for name, layer in plain['generator'].items()
  }
  assert not pairs.pop('embedding')[1].any()
  for kernel, moved in pairs.values():
    products = kernel.T @ kernel
    expected = 4 * weight * kernel @ (products - jnp.diag(jnp.diag(products)))
    np.testing.assert_allclose(moved, expected, rtol=1e-3, atol=1e-5)
