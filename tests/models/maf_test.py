import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.maf_digits import get_config
from jaxgen import config as configs
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.flow import maf
from jaxgen.types import Field

RNG = jax.random.key(0)
VECTOR, IMAGE = Field('vector', (3,), 0), Field('image', (2, 2, 1), 17)


def config(x=VECTOR, given=(), **changes):
  config = get_config('smoke')
  config.model.update(dict(width=8) | changes)
  config.given = given
  with config.unlocked():
    config.data.fields = ConfigDict(fields.to_dict({'x': x, 'label': Field('label', (), 3)}))
  return config


def test_images_are_flattened_through_a_logit_and_come_back_as_they_were():
  model = maf.build(config(x=IMAGE))
  batch = {'x': jax.random.randint(RNG, (16, 2, 2, 1), 0, 17).astype(jnp.uint8)}

  @jax.jit
  def run():
    params, extra = model.init(RNG, batch)
    latents = model.encode(params, extra, RNG, batch)
    return latents, model.decode(params, extra, latents), model.sample(params, extra, RNG, 3)

  latents, again, samples = run()
  assert latents.shape == (16, 4)
  np.testing.assert_array_equal(again, batch['x'])
  assert samples.shape == (3, 2, 2, 1) and samples.dtype == jnp.uint8


def test_a_run_that_is_older_than_the_settings_of_splines_keeps_its_flow():
  """It had eight bins, a bound of 3 and saw no Fourier features, whatever defaults become."""
  older = config(transform='spline')
  for name in ('frequencies', 'bins', 'bound'):
    del older.model[name]
  model = configs.completed(older, maf.KEYS).model
  assert (model.frequencies, model.bins, model.bound) == (0, 8, 3.0)


@pytest.mark.parametrize(
  'changes, message',
  [
    (dict(x=Field('tokens', (8,), 17)), 'not tokens data'),
    (dict(x=IMAGE, width=3), 'width=3 is less than the 4 elements'),
  ],
)
def test_bad_settings_say_what_to_do(changes, message):
  with pytest.raises(UserError, match=message):
    maf.build(config(**changes))
