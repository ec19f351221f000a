"""Planar and radial flows: one test for what is the same in both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import planar_toy, radial_toy
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models import planar, radial
from jaxgen.types import Field

RNG = jax.random.key(0)
BOTH = {'planar': (planar, planar_toy), 'radial': (radial, radial_toy)}


def config(name, x, given=()):
  config = BOTH[name][1].get_config('smoke')
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 3)}))
  return config


@pytest.mark.parametrize('name', BOTH)
def test_it_inverts_starts_standardized_and_reads_the_label(name):
  model = BOTH[name][0].build(config(name, Field('vector', (3,), 0), given=('label',)))
  batch = {'x': 3 + 2 * jax.random.normal(RNG, (64, 3)), 'label': jnp.arange(64) % 3}
  other = {**batch, 'label': (batch['label'] + 1) % 3}

  @jax.jit
  def run():
    params, extra = model.init(RNG, batch)
    start = model.encode(params, extra, RNG, batch)
    params = jax.tree.map(lambda p: p + 0.1, params)
    again = model.decode(params, extra, model.encode(params, extra, RNG, batch), {'label': batch['label']})
    return start, again, *(model.log_prob(params, extra, RNG, given) for given in (batch, other))

  start, again, own, wrong = run()
  np.testing.assert_allclose(start.mean(0), 0, atol=1e-4)
  np.testing.assert_allclose(start.std(0), 1, atol=1e-4)
  np.testing.assert_allclose(again, batch['x'], atol=1e-4)
  assert np.mean(own != wrong) > 0.9


@pytest.mark.parametrize('name', BOTH)
def test_images_are_refused(name):
  with pytest.raises(UserError, match='models vectors, not image data'):
    BOTH[name][0].build(config(name, Field('image', (8, 8, 1), 17)))
