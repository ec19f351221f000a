import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.realnvp_toy import get_config
from jaxgen import config_keys, fields
from jaxgen.models.flow import realnvp
from jaxgen.types import Field

RNG = jax.random.key(0)
PLANE = Field('vector', (2,), 0)


def config(x=PLANE, given=(), **changes):
  config = get_config('smoke')
  config.model.update(changes)
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 3)}))
  return config


@pytest.mark.parametrize('bound', [1.0, 2.0])
def test_a_coupling_stretches_by_at_most_what_the_config_says(bound):
  """Saturated networks leave the log-determinant of the one coupling, which moves one number, at the bound."""
  batch = {'x': jax.random.normal(RNG, (8, 2))}
  model = realnvp.build(config(depth=1, bound=bound))
  params, extra = jax.jit(model.init)(RNG, batch)
  log_det = jax.jit(lambda params: model.evaluate(params, extra, RNG, batch)['log_det'])
  start = log_det(params)
  coupling = params['flow']['bijectors_0']['bijector']['bijectors_2']['conditioner']
  coupling['Dense_2']['bias'] = jnp.array([[0.0, 1e4]])
  np.testing.assert_allclose(log_det(params) - start, bound, rtol=1e-4)


def test_a_run_that_is_older_than_the_bound_keeps_what_it_was_trained_with():
  """Its checkpoints would else be another density."""
  assert config_keys.values_before(realnvp.KEYS)['bound'] == 1.0
