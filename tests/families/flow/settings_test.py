"""Every flow takes every base and every dequantization from its config, or says why not."""

import jax
import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict

from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.settings.flow import BASES, DEQUANTIZATIONS
from jaxgen.types import Field
from tests import tiny_flow

LABEL = Field('label', (), 10)
DATA = {
  'points': Field('vector', (2,), 0),
  'table': Field('vector', (3,), 5),
  'images': Field('image', (4, 3, 2), 17),
}


def built(data, given=('label',), **changes):
  config = tiny_flow.get_config('smoke', **changes)
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': DATA[data], 'label': LABEL}))
  return tiny_flow.build(config)


@pytest.mark.parametrize('data', DATA)
@pytest.mark.parametrize('dequantization', DEQUANTIZATIONS)
@pytest.mark.parametrize('base', BASES)
def test_any_base_goes_with_any_dequantization_that_suits_the_data(base, dequantization, data):
  x = DATA[data]
  if dequantization in (('uniform', 'variational') if not x.levels else ('none',)):
    with pytest.raises(UserError, match=f'config.model.dequantization={dequantization} .* set it to'):
      built(data, base=base, dequantization=dequantization)
    return
  model = built(data, base=base, dequantization=dequantization)
  batch = {name: jnp.asarray(value) for name, value in fields.blank({'x': x, 'label': LABEL}, 3).items()}
  params, extra = jax.eval_shape(model.init, jax.random.key(0), batch)
  expected = {'flow', *{'flow': ['base_flow']}.get(base, ['base'] if 'standard' not in base else [])}
  assert set(params) == expected | ({'dequantization'} if dequantization == 'variational' else set())
  terms = jax.eval_shape(model.evaluate, params, extra, jax.random.key(0), batch)
  assert {term.shape for term in terms.values()} == {(3,)}
  drawn = jax.eval_shape(lambda params: model.sample(params, extra, jax.random.key(0), 3), params)
  assert drawn.shape == batch['x'].shape and drawn.dtype == batch['x'].dtype


def test_a_base_of_classes_needs_the_label():
  with pytest.raises(UserError, match='has to be given; set config.given="\\(\'label\',\\)"'):
    built('points', given=(), base='class_conditional')
