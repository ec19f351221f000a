import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import mu_law


@pytest.mark.parametrize('levels', [2, 16, 256, 1024, 65536])
def test_every_code_comes_back(levels):
  codes = np.arange(levels).astype(np.uint8 if levels <= 256 else np.int32)
  x = mu_law.decode(codes, levels)
  assert x.dtype == np.float32
  assert np.all(np.abs(x) < 1) and np.all(np.diff(x) > 0)
  again = mu_law.encode(x, levels)
  assert again.dtype == codes.dtype
  np.testing.assert_array_equal(again, codes)


@pytest.mark.parametrize('levels', [2, 256, 65536])
def test_the_loudest_sound_has_the_outermost_codes_and_what_is_louder_too(levels):
  x = np.array([-3, -1, 1, 3], np.float32)
  np.testing.assert_array_equal(mu_law.encode(x, levels), [0, 0, levels - 1, levels - 1])


def test_the_curve_halves_the_loudness_at_each_eighth():
  """With mu = 255 the inverse has (2^k - 1) / 255 at k / 8, the ends of the eight segments."""
  k = np.arange(-8, 9)
  loudness = (np.sign(k) * (2.0 ** np.abs(k) - 1) / 255).astype(np.float32)
  np.testing.assert_allclose(mu_law.compress(loudness, 256), k / 8, rtol=1e-6, atol=1e-7)
  np.testing.assert_allclose(mu_law.expand((k / 8).astype(np.float32), 256), loudness, rtol=1e-6, atol=1e-7)


def test_the_segments_of_g711_lie_on_it():
  """Table 2a of G.711: decision values at the ends of its segments, of 8,159 in all; it is linear between."""
  ends = np.array([31, 95, 223, 479, 991, 2015, 4063, 8159], np.float32) / 8159
  np.testing.assert_allclose(mu_law.compress(ends, 256), np.arange(1, 9) / 8, atol=0.004)


def test_neighbouring_codes_are_as_far_apart_as_the_loudness_is_large():
  steps = np.diff(mu_law.decode(np.arange(256, dtype=np.uint8), 256))
  assert steps[127] == pytest.approx(2 * (256 ** (1 / 256) - 1) / 255, rel=1e-5)  # about silence
  np.testing.assert_allclose(steps[129:] / steps[128:-1], 256 ** (1 / 128), rtol=1e-3)


def test_jax_and_numpy_agree_and_there_is_a_gradient():
  x = np.linspace(-1, 1, 1001).astype(np.float32)
  ours = jax.jit(mu_law.encode, static_argnums=1)(jnp.asarray(x), 256)
  assert isinstance(ours, jax.Array) and ours.dtype == np.uint8
  assert np.abs(np.asarray(ours, int) - mu_law.encode(x, 256)).max() <= 1  # the last bit, at an edge
  slope = jax.vmap(jax.grad(lambda y: mu_law.expand(y, 256)))(jnp.array([-0.5, 0.5]))
  np.testing.assert_allclose(slope, np.log(256) * 16 / 255, rtol=1e-5)
