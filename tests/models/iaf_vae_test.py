import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs.iaf_vae_digits import get_config
from jaxgen import fields
from jaxgen.errors import UserError
from jaxgen.models.vae import iaf_vae
from jaxgen.settings import vae_slots
from jaxgen.types import Field

RNG = jax.random.key(0)
BATCH = {'x': jnp.asarray(np.arange(128).reshape(2, 8, 8, 1) % 17, jnp.uint8), 'label': jnp.array([1, 2])}


def built(given=(), **changes):
  config = get_config('smoke')
  config.model.update(changes)
  config.given = given
  with config.unlocked():
    spec = {'x': Field('image', (8, 8, 1), 17), 'label': Field('label', (), 10)}
    config.data.fields = ConfigDict(fields.to_dict(spec))
  return iaf_vae.build(config)


@pytest.mark.parametrize('prior', vae_slots.PRIORS)
@pytest.mark.parametrize('posterior', vae_slots.POSTERIORS)
def test_every_posterior_goes_with_every_prior(posterior, prior):
  model = built(('label',), posterior=posterior, prior=prior)
  params, extra = jax.eval_shape(model.init, RNG, BATCH)
  learned = {'posterior': posterior != 'gaussian', 'prior': prior != 'normal'}
  assert set(params) == {'encoder', 'decoder'} | {name for name, there in learned.items() if there}
  terms = jax.eval_shape(model.evaluate, params, extra, RNG, BATCH)
  assert {term.shape for term in terms.values()} <= {(2,), (2, 3)} and {'bits_per_dim', 'kl'} < set(terms)
  drawn = jax.eval_shape(lambda params: model.sample(params, extra, RNG, 3), params)
  assert drawn.shape == (3, 8, 8, 1) and drawn.dtype == jnp.uint8


@pytest.mark.parametrize('posterior', ['planar', 'iaf'])
def test_the_flow_of_the_posterior_hears_the_image(posterior):
  """With the same noise and the same Gaussian, another context moves the draw elsewhere."""
  bijector = vae_slots.POSTERIORS[posterior](3, 2, 8)
  e, context = jnp.ones((2, 3)), {'context': jnp.array([[0.0, 1.0], [2.0, -1.0]])}
  variables = bijector.init(RNG, e, context, method='inverse_and_log_det')
  noise = np.random.default_rng(0)
  variables = jax.tree.map(lambda p: p + jnp.float32(0.3 * noise.standard_normal(p.shape)), variables)
  z, log_det = bijector.apply(variables, e, context, method='inverse_and_log_det')
  assert (z[0] != z[1]).all() and log_det[0] != log_det[1]
  again, back = bijector.apply(variables, z, context, method='forward_and_log_det')
  np.testing.assert_allclose(again, e, atol=1e-4)
  np.testing.assert_allclose(back, -log_det, atol=1e-4)


def test_masked_networks_that_are_too_narrow_are_refused():
  with pytest.raises(UserError, match='config.model.width=2 leaves masked networks'):
    built(width=2)
  assert built(width=2, posterior='planar').log_prob
