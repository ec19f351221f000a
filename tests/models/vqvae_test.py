import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.vqvae_digits import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.vae.vqvae import build
from jaxgen.types import DATA_AXIS, Field, State

LABEL = {'label': Field('label', (), 10)}


def _config(shape=(8, 8, 1), given=(), batch=128, **changes):
  config = get_config('smoke')
  kind = 'image' if len(shape) == 3 else 'vector'
  config.data.fields = fields.to_dict({'x': Field(kind, shape, 17), **LABEL})
  config.update(dict(given=given, batch_size=batch))
  config.model.update(changes)
  return config


@pytest.mark.parametrize(
  ('shape', 'grid', 'changes'),
  [
    ((8, 8, 1), (4, 4), {}),
    ((7, 10, 3), (2, 3), {'channels': (4, 6), 'given': ('label',)}),
    ((28, 28, 1), (14, 14), {'likelihood': 'laplace'}),
  ],
)
def test_images_of_any_size_become_a_grid_of_codes_and_images_again(shape, grid, changes):
  model = build(_config(shape, **changes))
  batch = {'x': jnp.ones((2, *shape), jnp.uint8), 'label': jnp.array([1, 2])}
  params, extra = jax.eval_shape(model.init, jax.random.key(0), batch)
  assert set(extra) == {'quantizer'}

  def everything(params, extra):
    codes = model.encode(params, extra, jax.random.key(1), batch)
    return (
      codes,
      model.latents(params, extra, jax.random.key(1), 2),
      model.decode(params, extra, codes, batch),
      model.sample(params, extra, jax.random.key(1), 2),
    )

  codes, drawn, decoded, sample = jax.eval_shape(everything, params, extra)
  assert model.codes == Field('tokens', grid, 8)
  assert codes.shape == drawn.shape == (2, *grid) and codes.dtype == drawn.dtype == jnp.int32
  assert decoded.shape == sample.shape == (2, *shape) and decoded.dtype == sample.dtype == jnp.uint8
  assert not model.log_prob and not model.complete and 'uniform codes' in model.objective


def test_labels_reach_both_networks():
  model = build(_config(given=('label',)))
  x = jax.random.randint(jax.random.key(0), (2, 8, 8, 1), 0, 17).astype(jnp.uint8)
  batch, other = ({'x': x, 'label': jnp.array(label)} for label in ([1, 2], [3, 4]))
  shapes, noise = jax.eval_shape(model.init, jax.random.key(0), batch), np.random.default_rng(0)
  params, extra = jax.tree.map(lambda leaf: jnp.asarray(noise.normal(0, 0.5, leaf.shape), leaf.dtype), shapes)
  extra['quantizer']['codebook']['counts'] = jnp.ones(8)
  codes = model.encode(params, extra, None, batch)
  assert (codes != model.encode(params, extra, None, other)).any()
  decode = jax.jit(model.decode)
  assert (decode(params, extra, codes, batch) != decode(params, extra, codes, other)).any()


def test_a_codebook_that_is_hardly_in_use_is_spoken_of():
  (sentence,) = build(_config()).health({'perplexity': 1.9, 'dead_codes': 0.75}, {}, {})
  assert sentence.startswith('2 of 8 codes are in use')


@pytest.mark.slow
def test_learns_to_reconstruct_with_codes_that_are_in_use():
  config = _config(codebook_decay=0.9)
  config.optimizer.update(dict(learning_rate=3e-3, schedule='constant'))
  model = build(config)
  stripes = jnp.arange(8)[:, None, None] % 2 * 16
  batch = {
    'x': jnp.stack([stripes * jnp.ones((8, 8, 1)), 16 - stripes.transpose(1, 0, 2) * jnp.ones((8, 8, 1))])
  }
  batch = {'x': batch['x'].astype(jnp.uint8)}
  params, extra = jax.jit(model.init)(jax.random.key(0), batch)
  state = State(jnp.int32(0), params, extra, model.update.init(params), jax.random.key(1))

  def step(state, _):
    apply = jax.vmap(model.update.apply, in_axes=None, out_axes=None, axis_name=DATA_AXIS, axis_size=1)
    state, metrics = apply(state, jax.random.fold_in(state.rng, state.step), batch)
    return state._replace(step=state.step + 1), metrics

  state, metrics = jax.jit(lambda state: jax.lax.scan(step, state, length=150))(state)
  loss = metrics['reconstruction'].total
  assert loss[-1] < 0.5 * loss[0]
  assert metrics['perplexity'].total[-1] > 1.5
  codes = model.encode(state.params, state.extra, None, batch)
  again = model.decode(state.params, state.extra, codes)
  assert np.abs(again.astype(int) - batch['x'].astype(int)).mean() < 4


@pytest.mark.parametrize(
  ('config', 'message'),
  [
    (_config((2,)), 'needs images'),
    (_config((4, 4, 1), channels=(4, 4, 4, 4)), 'halve 4x4 images to nothing'),
    (
      _config(num_codes=2000, batch=100),
      r'num_codes=2,000 codes begin .* config.batch_size=100 examples of 4 x 4 codes each give 1,600; raise',
    ),
    (_config(likelihood='laplace', likelihood_scale=0.0), 'must be positive'),
  ],
)
def test_settings_that_do_not_fit_are_named(config, message):
  with pytest.raises(UserError, match=message):
    build(config)
