import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.ncsn_digits import get_config
from jaxgen import experiment, fields
from jaxgen.config_keys import default_values
from jaxgen.errors import UserError
from jaxgen.models.score import unet
from jaxgen.models.score.unet import Attention, UNet, build, group_norm
from jaxgen.types import Field


def _config(shape=(8, 8, 1), kind='image', **model):
  config = experiment.completed(get_config('smoke'))
  with config.unlocked():
    config.module = unet.__name__
    config.data.fields = ConfigDict(fields.to_dict({'x': Field(kind, shape, 17)}))
    config.model = ConfigDict(default_values(unet.KEYS))
    config.model.update(dict(widths=(8, 8), blocks=1, attention=(4,)) | model)
  return config


def _parameters(network, shape):
  start = lambda rng: network.init(rng, jnp.zeros((1, *shape)), jnp.ones(1), {}, False)  # noqa: E731
  return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(start, jax.random.key(0))))


def test_with_published_settings_it_has_as_many_parameters_as_published():
  """35.7 million (Ho et al. 2020, appendix B); 35,746,307 where the released model is counted."""
  assert _parameters(UNet((128, 256, 256, 256), 2, (16,), dropout=0.1), (32, 32, 3)) == 35_746_307


def test_every_place_gathers_values_from_all_in_proportion_to_their_scores():
  x = jax.random.normal(jax.random.key(0), (2, 3, 4, 8))
  params = Attention().init(jax.random.key(1), x)['params']
  np.testing.assert_array_equal(Attention().apply({'params': params}, x), x)  # it starts as nothing
  params['Dense_1']['kernel'] = jnp.eye(8)
  y = Attention().apply({'params': params}, x)
  places = group_norm(8, 32).apply({'params': params['GroupNorm_0']}, x).reshape(2, 12, 8)
  queries, keys, values = jnp.split(places @ params['Dense_0']['kernel'], 3, -1)
  weights = jax.nn.softmax(jnp.einsum('bpc,bqc->bpq', queries, keys) / np.sqrt(8))
  np.testing.assert_allclose(y, x + (weights @ values).reshape(x.shape), rtol=1e-4, atol=1e-5)


def test_at_the_start_it_says_nothing_and_a_rescaled_skip_keeps_the_variance():
  x = jax.random.normal(jax.random.key(0), (2, 4, 4, 8))
  y, _ = UNet((8, 8), 1, (4,)).init_with_output(jax.random.key(1), x, jnp.ones(2), {}, False)
  np.testing.assert_array_equal(y, jnp.zeros_like(x))
  y, _ = Attention(rescaled=True).init_with_output(jax.random.key(1), x)
  np.testing.assert_allclose(y, x / np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize(
  'channels, most, groups', [(128, 32, 32), (64, 8, 8), (18, 32, 3), (7, 32, 1), (2, 8, 1)]
)
def test_groups_divide_the_channels(channels, most, groups):
  assert group_norm(channels, most).num_groups == groups


@pytest.mark.parametrize(
  'changes, words',
  [
    (dict(widths=(4, 4, 4, 4, 4), attention=()), 'halves images 4 times'),
    (dict(attention=(4, 5)), 'the height 5, which this network has nowhere; it has 8, 4'),
    (dict(kind='vector', shape=(2,)), 'for vectors there is jaxgen.models.score.ncsn_mlp'),
  ],
)
def test_bad_settings_say_what_to_do(changes, words):
  with pytest.raises(UserError, match=words):
    build(_config(**changes))


def test_it_builds_a_model_of_images_that_halve_unevenly():
  model = build(_config((7, 5, 1), attention=(7, 4)))
  params, extra = jax.eval_shape(model.init, jax.random.key(0), {})
  draw = lambda *start: model.sample(*start, jax.random.key(0), 2)  # noqa: E731
  assert jax.eval_shape(draw, params, extra).shape == (2, 7, 5, 1)
