import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.gan_toy import get_config
from jaxgen import fields
from jaxgen.models.gan.gan_mlp import build
from jaxgen.types import Field


@pytest.mark.parametrize('shape, levels, given', [((2,), 0, ()), ((4, 4, 1), 17, ('label',))])
def test_vectors_and_small_images(shape, levels, given):
  config = get_config('smoke')
  config.given = given
  spec = {'x': Field('image' if levels else 'vector', shape, levels), 'label': Field('label', (), 3)}
  config.data.fields = fields.to_dict(spec)
  model = build(config)
  x = jnp.ones((4, *shape), jnp.uint8 if levels else jnp.float32)
  batch = {'x': x, 'label': jnp.arange(4) % 3}

  @jax.jit
  def through(rng):
    params, extra = model.init(rng, batch)
    # Weights ten times as large: an unbounded generator leaves [-1, 1], a bounded one stays.
    params = jax.tree.map(lambda p: 10 * p, params)
    return model.sample(params, extra, rng, 50), model.evaluate(params, extra, rng, batch)

  samples, metrics = through(jax.random.key(0))
  assert samples.shape == (50, *shape)
  assert samples.dtype == x.dtype
  assert metrics['loss'].shape == (4,)
  assert np.all(np.isfinite(metrics['loss']))
  if levels:
    assert samples.max() <= 16
  else:
    assert np.abs(samples).max() > 1.5
