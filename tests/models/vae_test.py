import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.config import defaults
from jaxgen.errors import UserError
from jaxgen.models.vae import vae_conv, vae_mlp
from jaxgen.settings import vae_slots
from jaxgen.types import Field

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


@pytest.mark.parametrize('module', [vae_mlp, vae_conv])
@pytest.mark.parametrize(
  'slots',
  [
    {'posterior': 'iaf', 'prior': 'mixture', 'objective': 'iwae'},
    {'posterior': 'planar', 'prior': 'class_conditional', 'objective': 'infovae'},
    {'prior': 'flow', 'objective': 'iwae', 'doubly_reparameterized': True},
    {'posterior': 'iaf', 'prior': 'flow', 'objective': 'elbo', 'free_bits': 0.1},
    {'prior': 'class_conditional', 'objective': 'infovae', 'kernel': 'inverse_multiquadratic'},
  ],
)
def test_any_slot_goes_with_any(module, slots):
  model = module.build(_config(given=('label',), **slots))
  batch = {'x': jnp.ones((2, 8, 8, 1), jnp.uint8), 'label': jnp.array([1, 2])}
  params, extra = jax.eval_shape(model.init, jax.random.key(0), batch)
  learned = {'posterior': slots.get('posterior'), 'prior': slots['prior']}
  assert set(params) == {'encoder', 'decoder'} | {name for name, value in learned.items() if value}
  terms = jax.eval_shape(lambda params: model.evaluate(params, extra, jax.random.key(1), batch), params)
  assert terms['loss'].shape == terms['bits_per_dim'].shape == (2,)
  drawn = jax.eval_shape(lambda params: model.sample(params, extra, jax.random.key(1), 5), params)
  assert drawn.shape == (5, 8, 8, 1)


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
