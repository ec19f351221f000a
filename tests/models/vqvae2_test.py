import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.vqvae2_mnist import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.vae.vqvae2 import build
from jaxgen.types import DATA_AXIS, Field, State


def _config(shape=(8, 8, 1), given=(), batch=8, **changes):
  config = get_config('smoke')
  kind = 'image' if len(shape) == 3 else 'vector'
  config.data.fields = fields.to_dict({'x': Field(kind, shape, 17), 'label': Field('label', (), 10)})
  config.update(dict(given=given, batch_size=batch))
  config.model.update(dict(channels=(4,), code_dim=4) | changes)
  return config


def _with_noise(model, batch):
  shapes, noise = jax.eval_shape(model.init, jax.random.key(0), batch), np.random.default_rng(0)
  params, extra = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.3, leaf.shape), leaf.dtype), shapes)
  for book in extra['encoder']['codebook'].values():
    book['counts'] = jnp.ones_like(book['counts'])
  return params, extra


@pytest.mark.parametrize(
  ('shape', 'bottom', 'top', 'changes'),
  [
    ((8, 8, 1), (4, 4), (2, 2), {}),
    ((28, 28, 1), (7, 7), (4, 4), {'channels': (4, 6)}),
    ((9, 20, 3), (5, 10), (2, 3), {'top_channels': (4, 6), 'given': ('label',)}),
  ],
)
def test_images_of_any_size_become_two_grids_of_codes_and_images_again(shape, bottom, top, changes):
  model = build(_config(shape, **changes))
  batch = {'x': jnp.ones((2, *shape), jnp.uint8), 'label': jnp.array([1, 2])}
  params, extra = jax.eval_shape(model.init, jax.random.key(0), batch)

  def everything(params, extra):
    codes = model.encode(params, extra, None, batch)
    drawn = model.latents(params, extra, jax.random.key(1), 2)
    return codes, drawn, model.decode(params, extra, codes, batch)

  codes, drawn, decoded = jax.eval_shape(everything, params, extra)
  assert list(model.codes.items()) == [
    ('top', Field('tokens', top, 8)),
    ('bottom', Field('tokens', bottom, 8)),
  ]
  for level, field in model.codes.items():
    assert codes[level].shape == drawn[level].shape == (2, *field.shape)
    assert codes[level].dtype == drawn[level].dtype == jnp.int32
  assert decoded.shape == (2, *shape) and decoded.dtype == jnp.uint8
  assert not model.log_prob and 'uniform codes' in model.objective


def test_the_bottom_codes_are_found_given_the_top_ones_and_the_decoder_sees_both():
  model = build(_config())
  x = jax.random.randint(jax.random.key(0), (4, 8, 8, 1), 0, 17).astype(jnp.uint8)
  params, extra = _with_noise(model, {'x': x})
  codebooks = extra['encoder']
  codes = jax.jit(model.encode)(params, extra, None, {'x': x})
  assert codebooks.keys() == {'codebook'} and len(codebooks['codebook']) == 2
  other = jax.tree.map(lambda leaf: leaf, extra)
  name = next(name for name in codebooks['codebook'] if 'top' in name)
  other['encoder']['codebook'][name]['sums'] *= -1  # another top codebook
  assert (jax.jit(model.encode)(params, other, None, {'x': x})['bottom'] != codes['bottom']).any()
  decode = jax.jit(model.decode)
  for level in codes:
    changed = {**codes, level: (codes[level] + 3) % 8}
    assert (decode(params, extra, changed) != decode(params, extra, codes)).any(), level


@pytest.mark.slow
def test_learns_to_reconstruct_with_both_codebooks():
  config = _config(batch=2, num_codes=4, codebook_decay=0.9)
  config.optimizer.update(dict(learning_rate=3e-3, schedule='constant'))
  model = build(config)
  stripes = (jnp.arange(8)[:, None, None] % 2 * 16) * jnp.ones((8, 8, 1))
  batch = {'x': jnp.stack([stripes, 16 - stripes.transpose(1, 0, 2)]).astype(jnp.uint8)}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  state, metrics = jax.jit(lambda state: jax.lax.scan(step, state, length=150))(state)
  loss = metrics['reconstruction'].total
  assert loss[-1] < 0.5 * loss[0]
  for level in ('top', 'bottom'):
    assert metrics[f'{level}_perplexity'].total[-1] > 1.2
    assert 0 <= metrics[f'{level}_dead_codes'].total[-1] < 1
  codes = model.encode(state.params, state.extra, None, batch)
  again = model.decode(state.params, state.extra, codes)
  assert np.abs(again.astype(int) - batch['x'].astype(int)).mean() < 4


def test_a_codebook_that_is_hardly_in_use_is_spoken_of_by_its_level():
  fine = {'top_perplexity': 7.0, 'top_dead_codes': 0.0, 'bottom_perplexity': 7.0, 'bottom_dead_codes': 0.0}
  model = build(_config())
  assert model.health(fine, {}, {}) == []
  (sentence,) = model.health(fine | {'bottom_dead_codes': 0.75}, {}, {})
  assert sentence.startswith('2 of 8 bottom codes are in use')


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    (_config((2,)), 'needs images'),
    (_config((4, 4, 1), channels=(4, 4, 4, 4)), 'config.model.channels halve 4x4 images to nothing'),
    (_config(top_channels=(4, 4, 4, 4)), 'config.model.top_channels halve 4x4 images to nothing'),
    (_config(num_codes=33), 'num_codes=33 codes begin .*=8 examples of 2 x 2 codes each give 32; raise'),
  ],
)
def test_settings_that_do_not_fit_are_named(config, message):
  with pytest.raises(UserError, match=message):
    build(config)
