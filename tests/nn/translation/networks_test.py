"""Parameters are counted by hand from the layers that the papers list; shapes alone are computed."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.instance_norm import InstanceNorm
from jaxgen.nn.translation import Mixer, PatchDiscriminator, ResNetGenerator, UNet


def parameters(network, *inputs):
  variables = jax.eval_shape(lambda: network.init(jax.random.key(0), *inputs))
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables))


def conv(kernel, features_in, features_out, bias=True):
  return kernel**2 * features_in * features_out + bias * features_out


IMAGE = jnp.zeros((1, 256, 256, 3))


def test_the_generator_of_cyclegan_has_the_published_layers():
  ends = conv(7, 3, 64) + conv(7, 64, 3)
  down, up = conv(3, 64, 128) + conv(3, 128, 256), conv(3, 256, 128) + conv(3, 128, 64)
  expected = ends + down + up + 9 * 2 * conv(3, 256, 256)
  assert expected == 11_378_179  # the authors' program prints 11.378 M
  assert parameters(ResNetGenerator((256, 256, 3), 64, 2, 9), IMAGE) == expected


@pytest.mark.parametrize(
  ('channels', 'affine', 'expected'),
  [(3, False, 2_764_737), (6, True, 2_768_705)],
  ids=['cyclegan', 'pix2pix'],
)
def test_the_discriminators_have_the_published_layers(channels, affine, expected):
  """The authors' program prints 2.765 M and, for pairs of images and with batch normalization, 2.769 M."""
  image = jnp.zeros((1, 256, 256, channels))
  network = PatchDiscriminator(64, 3, affine)
  assert parameters(network, image) == expected
  logits = jax.eval_shape(lambda: network.init_with_output(jax.random.key(0), image)[0])
  assert logits.shape == (1, 30, 30) == (1, network.side(256), network.side(256))


def test_the_generator_of_pix2pix_has_the_published_layers():
  """The authors' program prints 54.414 M."""
  network = UNet((256, 256, 3), 64, 8)
  assert network.noise_dim == 512 * (2**2 + 4**2 + 8**2)  # dropped in the first three layers of the way up
  assert parameters(network, IMAGE, jnp.zeros((1, network.noise_dim))) == 54_413_955


def test_a_logit_sees_seventy_pixels():
  """But for the normalization, which sees all of them, and is left out here."""
  network, x = PatchDiscriminator(2, 3), jnp.zeros((1, 160, 160, 1))
  params = jax.jit(network.init)(jax.random.key(0), x)

  def but_normalization(call, args, kwargs, context):
    return args[0] if isinstance(context.module, InstanceNorm) else call(*args, **kwargs)

  with nn.intercept_methods(but_normalization):
    slopes = jax.jit(jax.grad(lambda x: network.apply(params, x)[0, 9, 9]))(x)
  assert (np.abs(slopes).max((0, 2, 3)) > 0).sum() == 70


def test_the_noise_of_a_unet_is_dropout_that_its_signs_decide():
  network = UNet((8, 8, 1), 4, 3)
  y = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
  z = jax.random.normal(jax.random.key(1), (2, network.noise_dim))
  params, apply = jax.jit(network.init)(jax.random.key(2), y, z), jax.jit(network.apply)
  params = jax.tree.map(lambda leaf: 10 * leaf, params)  # out of the small beginning
  drawn = apply(params, y, z)
  np.testing.assert_array_equal(apply(params, y, 3 * z), drawn)
  assert np.abs(apply(params, y, -z) - drawn).max() > 1e-3
  whole = apply(params, y, 0 * z)
  assert np.abs(whole - drawn).max() > 1e-3
  np.testing.assert_allclose(apply(params, y[:1], z[:1]), drawn[:1], rtol=1e-4, atol=1e-6)


def test_a_unet_without_layers_that_drop_takes_a_number_all_the_same():
  network = UNet((4, 4, 1), 4, 1)
  assert network.noise_dim == 1
  assert parameters(network, jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 1))) == 4**2 * 4 + conv(4, 4, 1)


@pytest.mark.parametrize(
  ('network', 'size', 'halvings', 'fits'),
  [
    (ResNetGenerator, 8, 2, True),
    (ResNetGenerator, 8, 3, False),  # a border of one pixel has nothing to reflect
    (ResNetGenerator, 45, 1, False),
    (ResNetGenerator, 2, 1, False),
    (UNet, 8, 3, True),
    (UNet, 8, 4, False),
    (UNet, 28, 2, True),
    (UNet, 28, 3, False),
  ],
)
def test_a_size_fits_where_the_network_can_halve_it(network, size, halvings, fits):
  assert network.fits(size, halvings) == fits
  if fits:
    made = network((size, size, 1), 2, halvings, *([1] if network is ResNetGenerator else []))
    inputs = (jnp.zeros((1, size, size, 1)), *([jnp.zeros((1, made.noise_dim))] if network is UNet else []))
    out = jax.eval_shape(lambda: made.init_with_output(jax.random.key(0), *inputs)[0])
    assert out.shape == (1, size, size, 1)


def test_a_mixer_takes_noise_and_conditions_as_one_input():
  y, z, more = jnp.ones((2, 4, 4, 1)), jnp.ones((2, 3)), jnp.zeros((2, 2))
  network = Mixer((4, 4, 1), 4, 1)
  params = network.init(jax.random.key(0), y, z, more)
  assert params['params']['Dense_0']['kernel'].shape == (5, 4)
  np.testing.assert_array_equal(
    network.apply(params, y, z, more), network.apply(params, y, jnp.concatenate([z, more], -1))
  )


@pytest.mark.parametrize('affine', [False, True])
def test_instance_normalization_is_of_each_channel_of_each_image(affine):
  x = 3 * jax.random.normal(jax.random.key(0), (2, 5, 4, 3)) + 7
  network = InstanceNorm(affine)
  variables = network.init(jax.random.key(1), x)
  y = network.apply(variables, x)
  np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-5)
  np.testing.assert_allclose(y.std((1, 2)), 1, atol=1e-4)
  if affine:
    scaled = network.apply({'params': {'scale': jnp.full(3, 2.0), 'bias': jnp.arange(3.0)}}, x)
    np.testing.assert_allclose(scaled, 2 * y + jnp.arange(3.0), rtol=1e-5, atol=1e-5)
