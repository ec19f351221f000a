import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.ladder_mnist import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.vae import ladder
from jaxgen.types import Field

RNG = jax.random.key(0)
BATCH = {'x': jnp.asarray(np.arange(128).reshape(2, 8, 8, 1) % 2, jnp.uint8), 'label': jnp.array([1, 2])}


def built(given=(), **changes):
  config = get_config('smoke')
  config.model.update(changes)
  config.given = given
  with config.unlocked():
    spec = {'x': Field('image', (8, 8, 1), 2), 'label': Field('label', (), 10)}
    config.data.fields = ConfigDict(fields.to_dict(spec))
  return ladder.build(config)


@pytest.mark.parametrize('given', [(), ('label',)])
def test_every_level_has_latents_and_a_share_of_the_kl(given):
  model = built(given)
  params, extra = jax.eval_shape(model.init, RNG, BATCH)
  assert set(params) == {'encoder', 'decoder', 'top_down'}
  terms = jax.eval_shape(model.evaluate, params, extra, RNG, BATCH)
  assert {f'kl_level_{level}' for level in (1, 2, 3)} < set(terms)
  assert model.levels == (4, 3, 2) and terms['kl_per_latent'].shape == (2, 9)
  drawn = jax.eval_shape(lambda params: model.latents(params, extra, RNG, 5), params)
  assert drawn.shape == (5, 9)


def test_a_change_of_the_top_is_followed_below():
  """As the latents are the noise of each level, an image hears of the top through all that is beneath it."""
  model = built()
  params, extra = jax.jit(model.init)(RNG, BATCH)
  params = jax.tree.map(lambda p: 3 * p, params)
  latents = jnp.zeros((2, 9)).at[1, -2:].set(3.0)
  first, second = jax.jit(model.decode)(params, extra, latents)
  assert (first != second).any()


def test_widths_are_one_for_each_level():
  with pytest.raises(UserError, match='has 2 widths for the 3 levels of config.model.latent_dims'):
    built(hidden=(8, 8))
