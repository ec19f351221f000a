"""What every flow of vectors does; a new one is a row."""

from types import ModuleType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import maf_toy, nsf_ar_toy, nsf_toy, planar_toy, radial_toy, realnvp_toy
from jaxgen import experiment, fields, models
from jaxgen.errors import UserError
from jaxgen.types import Field

RNG = jax.random.key(0)
VECTOR, IMAGE = Field('vector', (3,), 0), Field('image', (8, 8, 1), 17)


class Row(NamedTuple):
  """A config's module, and what is changed of it."""

  configs: ModuleType
  changes: dict = {}


TABLE = {
  'maf': Row(maf_toy),
  'maf, all else': Row(maf_toy, dict(transform='spline', norm='batch_norm', residual=True)),
  'nsf': Row(nsf_toy),
  'nsf, autoregressive': Row(nsf_ar_toy),
  'planar': Row(planar_toy),
  'radial': Row(radial_toy),
  'realnvp': Row(realnvp_toy),
}


def build(name, x=VECTOR, given=()):
  return experiment.build_model(resolved(name, x, given))


def resolved(name, x=VECTOR, given=()):
  config = TABLE[name].configs.get_config('smoke')
  config.model.update(TABLE[name].changes)
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 3)}))
  return config


@pytest.mark.parametrize('name', TABLE)
def test_it_inverts_starts_standardized_and_reads_the_label(name):
  model = build(name, given=('label',))
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
  np.testing.assert_allclose(start.std(0), 1, atol=1e-3)
  np.testing.assert_allclose(again, batch['x'], atol=1e-3)
  assert np.mean(own != wrong) > 0.9


@pytest.mark.parametrize(
  ('names', 'x', 'message'),
  [
    (('nsf',), IMAGE, 'for images there is jaxgen.models.flow.nsf_conv'),
    (('planar', 'radial', 'realnvp'), IMAGE, 'models vectors.*, not image data.*jaxgen.models.flow.glow'),
    (('nsf', 'realnvp'), Field('vector', (1,), 0), 'at least 2'),
  ],
)
def test_other_data_are_refused_in_a_sentence(names, x, message):
  for name in names:
    with pytest.raises(UserError, match=message):
      build(name, x)


@pytest.mark.parametrize('name', TABLE)
def test_it_is_refused_by_the_name_that_the_config_has(name):
  """A module of the user's own may be built upon one of these."""
  config = resolved(name, Field('tokens', (3,), 256))
  module, config.module = models.find(config.module), 'my.flow'
  with pytest.raises(UserError, match='^my.flow models vectors.*, not tokens data of shape'):
    module.build(config)
