import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn import conv, conv_transpose
from jaxgen.nn.filtering import smoothed, upsampled
from jaxgen.nn.styled import ModulatedConv, modulated_conv


def one_by_one(x, kernel, scale, demodulate, doubled):
  """Equations 1 to 3 as they stand: every example has a kernel of its own."""

  def of_one(x, scale):
    own = scale[:, None] * kernel
    if demodulate:
      own = own / jnp.sqrt(jnp.square(own).sum((0, 1, 2)) + 1e-8)
    if doubled:
      return 4 * smoothed(conv_transpose(x[None], own, 2, 'VALID'), (1, 1))[0]
    return conv(x[None], own)[0]

  return jnp.stack([of_one(*each) for each in zip(x, scale, strict=True)])


@pytest.mark.parametrize('demodulate', [True, False])
@pytest.mark.parametrize('doubled', [True, False])
def test_it_is_the_convolution_with_a_kernel_for_each_example(demodulate, doubled):
  keys = jax.random.split(jax.random.key(0), 3)
  arrays = (
    jax.random.normal(keys[0], (3, 5, 4, 6)),
    jax.random.normal(keys[1], (3, 3, 6, 7)),
    1 + jax.random.normal(keys[2], (3, 6)),
  )

  def total(function, **how):
    return jax.value_and_grad(lambda arrays: jnp.sin(function(*arrays, **how)).sum())(arrays)

  found = jax.jit(lambda: total(modulated_conv, demodulate=demodulate, doubled=doubled))()
  expected = jax.jit(lambda: total(one_by_one, demodulate=demodulate, doubled=doubled))()
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4), found, expected)


def test_a_demodulated_output_has_the_variance_of_the_input_whatever_the_style():
  x, style = (
    jax.random.normal(jax.random.key(0), (4, 16, 16, 32)),
    jax.random.normal(jax.random.key(1), (4, 8)),
  )
  for demodulate in (True, False):
    layer = ModulatedConv(64, demodulate=demodulate)
    variables = layer.init(jax.random.key(2), x, style)
    spread = [layer.apply(variables, x, size * style)[:, 1:-1, 1:-1].std() for size in (1.0, 9.0)]
    if demodulate:
      np.testing.assert_allclose(spread, 1.0, rtol=0.05)
    else:
      assert spread[1] > 4 * spread[0]


def test_a_doubled_image_is_that_of_the_filter_and_the_same_kernel_away_from_the_edge():
  x, kernel = (
    jax.random.normal(jax.random.key(0), (2, 6, 6, 3)),
    jax.random.normal(jax.random.key(1), (3, 3, 3, 4)),
  )
  found = modulated_conv(x, kernel, jnp.ones((2, 3)), demodulate=False, doubled=True)
  assert found.shape == (2, 12, 12, 4)
  expected = conv(upsampled(x), kernel)
  np.testing.assert_allclose(found[:, 2:-2, 2:-2], expected[:, 2:-2, 2:-2], rtol=1e-4, atol=1e-4)
