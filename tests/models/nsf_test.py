import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.nsf_toy import get_config
from jaxgen import fields
from jaxgen.bijectors import transforms
from jaxgen.errors import UserError
from jaxgen.models import nsf, nsf_conv
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


def test_it_inverts_starts_standardized_and_reads_the_label():
  model = nsf.build(config(x=Field('vector', (5,), 0), given=('label',)))
  batch = {'x': 3 + 2 * jax.random.normal(RNG, (64, 5)), 'label': jnp.arange(64) % 3}
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
  assert np.all(own != wrong)


@pytest.mark.parametrize(
  'changes, message',
  [
    (dict(x=Field('image', (8, 8, 1), 17)), 'jaxgen.models.nsf_conv'),
    (dict(x=Field('vector', (1,), 0)), 'at least 2'),
  ],
)
def test_bad_settings_say_what_to_do(changes, message):
  with pytest.raises(UserError, match=message):
    nsf.build(config(**changes))


@pytest.mark.parametrize('module', [nsf, nsf_conv])
def test_the_most_bins_and_the_largest_box_that_a_config_may_name_make_a_spline(module):
  bins, bound = (float(module.KEYS[name].range[1:-1].split(',')[1]) for name in ('bins', 'bound'))
  spline = transforms.rational_quadratic(int(bins), bound)
  z, log_derivative = spline.forward(jnp.ones((1, 1)), jnp.zeros((1, spline.num_params)))
  np.testing.assert_allclose((z, log_derivative), [[[1]], [[0]]], atol=1e-3)
