from itertools import combinations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import sentence_vae_text, tabular_vae_wine
from jaxgen import data, fields
from jaxgen.config import defaults
from jaxgen.data.tables.columns import Columns
from jaxgen.errors import UserError
from jaxgen.models.vae import sentence_vae, tabular_vae, vae_conv, vae_mlp
from jaxgen.settings import vae_slots
from jaxgen.types import DATA_AXIS, Field, State

LABEL = {'label': Field('label', (), 10)}


SLOTS = {name: key.default for name, key in vae_slots.KEYS.items()} | {'width': 4, 'depth': 1, 'context': 2}


def _config(shape=(8, 8, 1), levels=17, given=(), **changes):
  config = defaults()
  x = Field('image' if len(shape) == 3 else 'vector', shape, levels)
  config.data = ConfigDict({'fields': fields.to_dict({'x': x, **LABEL})})
  config.given = given
  config.model = ConfigDict(
    dict(
      hidden=(8,),
      channels=(4, 6),
      latent_dim=3,
      likelihood='discretized_logistic',
      likelihood_scale=0.1,
      reconstruction_weight=1.0,
      kl_weight=1.0,
      kl_warmup_steps=0,
      importance_samples=2,
      **SLOTS,
    )
  )
  config.model.update(changes)
  return config


@pytest.mark.parametrize('module', [vae_mlp, vae_conv])
@pytest.mark.parametrize(
  ('shape', 'changes'),
  [((8, 8, 1), {}), ((7, 10, 3), {'given': ('label',)}), ((28, 28, 1), {'likelihood': 'laplace'})],
)
def test_takes_images_of_any_size(module, shape, changes):
  model = module.build(_config(shape, **changes))
  batch = {'x': jnp.ones((2, *shape), jnp.uint8), 'label': jnp.array([1, 2])}
  params, extra = jax.eval_shape(model.init, jax.random.key(0), batch)
  assert set(params) == {'encoder', 'decoder'}

  def everything(params):
    latents = model.encode(params, extra, jax.random.key(1), batch)
    return (
      model.sample(params, extra, jax.random.key(1), 5),
      model.decode(params, extra, latents, batch),
      model.complete(params, extra, jax.random.key(2), batch, batch['x'] > 0),
      model.evaluate(params, extra, jax.random.key(1), batch),
    )

  sample, decoded, completed, metrics = jax.eval_shape(everything, params)
  assert sample.shape == (5, *shape) and decoded.shape == completed.shape == (2, *shape)
  assert sample.dtype == decoded.dtype == completed.dtype == jnp.uint8
  assert all(metric.shape in ((2,), (2, 3)) and metric.dtype == jnp.float32 for metric in metrics.values())


def _with_slots(config, spec, columns=None, **slots):
  config.model.update(dict(depth=1, context=2) | slots)
  config.given = ('label',)
  return data.resolved(config, spec | LABEL, columns)


IMAGES = {'x': jnp.ones((2, 8, 8, 1), jnp.uint8)}


# a model -> its module, the config that a choice of slots makes, and examples
MODELS = {
  'vae_mlp': (vae_mlp, lambda **slots: _config(given=('label',), **slots), IMAGES),
  'vae_conv': (vae_conv, lambda **slots: _config(given=('label',), **slots), IMAGES),
  'tabular_vae': (
    tabular_vae,
    lambda **slots: _with_slots(
      tabular_vae_wine.get_config('smoke'),
      {'x': Field('table', (3,), 0), 'observed': Field('mask', (3,), 2)},
      Columns(('a', 'b', 'c'), (0.0,) * 3, (1.0,) * 3, ((), ('red', 'green'), ())),
      **slots,
    ),
    {'x': jnp.ones((2, 3)), 'observed': jnp.ones((2, 3), jnp.uint8)},
  ),
  'sentence_vae': (
    sentence_vae,
    lambda **slots: _with_slots(
      sentence_vae_text.get_config('smoke'), {'x': Field('tokens', (5,), 7)}, **({'free_bits': 0.0} | slots)
    ),
    {'x': jnp.ones((2, 5), jnp.uint8)},
  ),
}
OBJECTIVES = {
  'elbo': {'free_bits': 0.1},
  'iwae': {'training_samples': 2},
  'dreg': {'objective': 'iwae', 'doubly_reparameterized': True, 'training_samples': 2},
  'infovae': {'kernel': 'inverse_multiquadratic'},
}


CHOICES = tuple(product(MODELS, vae_slots.PRIORS, vae_slots.POSTERIORS, OBJECTIVES))


def _pairs(row):
  return set(combinations(enumerate(row), 2))


def _quick():
  """As few as hold every pair of choices."""
  missing, rows = set().union(*map(_pairs, CHOICES)), []
  while missing:
    rows.append(max(CHOICES, key=lambda row: len(_pairs(row) & missing)))
    missing -= _pairs(rows[-1])
  return rows


QUICK = _quick()


@pytest.mark.parametrize(
  'choice',
  [pytest.param(row, marks=() if row in QUICK else pytest.mark.slow, id='-'.join(row)) for row in CHOICES],
)
def test_any_slot_goes_with_any(choice):
  """By shapes alone: the parameters, the terms of an evaluation and a sample, and of a few the step."""
  name, prior, posterior, objective = choice
  module, configured, batch = MODELS[name]
  config = configured(prior=prior, posterior=posterior, **({'objective': objective} | OBJECTIVES[objective]))
  if objective == 'dreg' and posterior != 'gaussian':
    with pytest.raises(UserError, match='take posterior=gaussian'):
      module.build(config)
    return
  model, batch = module.build(config), batch | {'label': jnp.array([1, 2])}
  given = {'label': jnp.array([1, 2, 1, 2, 1])}

  def everything(rng):
    params, extra = model.init(rng, batch)
    stepped = _stepped(model, params, extra, rng, batch) if choice in QUICK else params
    return (
      params,
      stepped,
      model.evaluate(params, extra, rng, batch),
      model.sample(params, extra, rng, 5, given),
    )

  params, stepped, terms, drawn = jax.eval_shape(everything, jax.random.key(1))
  learned = {'posterior': posterior != 'gaussian', 'prior': prior != 'normal'}
  assert set(params) == {'encoder', 'decoder'} | {slot for slot, there in learned.items() if there}
  assert stepped == params
  assert {'reconstruction', 'kl', 'elbo', 'bound_gap'} <= set(terms)
  assert terms['loss'].shape == (2,)
  assert drawn.shape == (5, *batch['x'].shape[1:])


def _stepped(model, params, extra, rng, batch):
  state = State(jnp.int32(0), params, extra, model.update.init(params), rng)
  step = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
  return step(state, rng, batch)[0].params


@pytest.mark.parametrize('module', [vae_mlp, vae_conv])
def test_both_networks_hear_image_and_label(module):
  model = module.build(_config(given=('label',)))
  batch = {
    'x': jax.random.randint(jax.random.key(0), (2, 8, 8, 1), 0, 17).astype(jnp.uint8),
    'label': jnp.array([1, 2]),
  }
  shapes, noise = jax.eval_shape(model.init, jax.random.key(0), batch), np.random.default_rng(0)
  params, extra = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.3, leaf.shape), leaf.dtype), shapes)
  other = {**batch, 'label': jnp.array([3, 4])}
  encode, decode = jax.jit(model.encode), jax.jit(model.decode)
  z, other_z = (encode(params, extra, None, b) for b in (batch, other))
  assert (z != other_z).all()
  assert (z[0] != z[1]).all()
  assert (decode(params, extra, z, batch) != decode(params, extra, z, other)).any()


def test_vectors_go_through_the_perceptrons():
  model = vae_mlp.build(_config((2,), levels=0, likelihood='gaussian'))
  batch = {'x': jnp.ones((4, 2))}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  x = jax.jit(model.sample, static_argnums=3)(params, extra, jax.random.key(1), 3)
  assert x.shape == (3, 2) and x.dtype == jnp.float32
  assert jax.jit(model.log_prob)(params, extra, jax.random.key(1), batch).shape == (4,)


@pytest.mark.parametrize(
  ('module', 'config', 'message'),
  [
    (vae_mlp, _config((2,), 0, likelihood='bernoulli'), 'likelihood=bernoulli cannot be used here'),
    (vae_mlp, _config(likelihood='laplace', likelihood_scale=0.0), 'must be positive'),
    (vae_conv, _config((2,), 0, likelihood='gaussian'), 'needs images'),
    (
      vae_mlp,
      _config(prior='class_conditional'),
      'prior=class_conditional cannot be used here: .* are: none',
    ),
    (
      vae_mlp,
      _config(free_bits=0.5, objective='iwae'),
      'free_bits=0.5 is of config.model.objective=elbo alone',
    ),
    (vae_mlp, _config(doubly_reparameterized=True), 'objective=iwae alone, and it is elbo; .* to False'),
    (vae_mlp, _config(infovae_alpha=0.5), 'objective=infovae alone, and it is elbo; .* to 0.0'),
    (vae_mlp, _config(training_samples=50), 'objective=iwae alone, and it is elbo; .* to 5'),
    (vae_mlp, _config(components=3), 'prior=mixture alone, and it is normal; .* to 10'),
    (
      vae_mlp,
      _config(prior='mixture', objective='infovae', infovae_alpha=1.0),
      'teaches config.model.prior=mixture no weights',
    ),
    (
      vae_conv,
      _config(doubly_reparameterized=True, objective='iwae', posterior='iaf'),
      'posterior=iaf is known of its own draws alone',
    ),
    (
      vae_mlp,
      _config(objective='infovae', infovae_alpha=0.5, infovae_lambda=0.5),
      'objective=infovae cannot be used here: .* alpha . lambda - 1 = 0',
    ),
    (vae_mlp, _config(prior='flow', width=2), 'width=2 leaves masked networks'),
    (vae_conv, _config((4, 4, 1), channels=(4, 4, 4, 4)), 'halve 4x4 images to nothing'),
  ],
)
def test_settings_that_do_not_fit_are_named(module, config, message):
  with pytest.raises(UserError, match=message):
    module.build(config)
