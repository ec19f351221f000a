import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import UniformDequantization

RNGS = {'dequantization': jax.random.key(0)}


@pytest.mark.parametrize('levels', [2, 17, 256])
def test_every_level_comes_back(levels):
  x = jnp.tile(jnp.arange(levels, dtype=jnp.uint8), (100, 1))
  layer = UniformDequantization(levels)
  z, log_det = layer.apply({}, x, rngs=RNGS, method='forward_and_log_det')
  again, _ = layer.apply({}, z, method='inverse_and_log_det')
  assert again.dtype == jnp.uint8
  np.testing.assert_array_equal(again, x)
  np.testing.assert_array_equal(log_det, np.zeros(100))


@pytest.mark.parametrize('levels', [256, 65_536])
def test_noise_that_rounds_up_to_one_stays_in_its_cell(levels):
  """Of a million draws seven are so near to 1 that float32 has `200 + u` as 201, and thousands of `60,000 + u`."""
  x = jnp.full((1_000_000, 1), levels - 1)
  layer = UniformDequantization(levels)
  z, _ = layer.apply({}, x, rngs=RNGS, method='forward_and_log_det')
  assert z.max() < 1
  np.testing.assert_array_equal(layer.apply({}, z - 1 / levels, method='inverse_and_log_det')[0], levels - 2)


def test_the_noise_fills_the_cell_of_a_level():
  x = jnp.full((1, 20_000), 3, jnp.uint8)
  z, _ = UniformDequantization(17).apply({}, x, rngs=RNGS, method='forward_and_log_det')
  noise = np.asarray(17 * z - 3)
  assert noise.min() >= -1e-5 and noise.max() <= 1 + 1e-5
  np.testing.assert_allclose([noise.mean(), noise.var()], [1 / 2, 1 / 12], atol=5e-3)


def test_what_lies_outside_goes_to_the_border():
  z = jnp.array([[-3.0, 0.0, 0.5, 1.0, jnp.inf]])
  x, _ = UniformDequantization(17).apply({}, z, method='inverse_and_log_det')
  np.testing.assert_array_equal(x, [[0, 0, 8, 16, 16]])
