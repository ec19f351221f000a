"""The modules against Linen's: parameters, values and dtypes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import nn as fast

CASES = {
  'plain': ('Conv', dict(kernel_size=(3, 3))),
  'all settings': (
    'Conv',
    dict(kernel_size=(3, 2), strides=2, padding='VALID', kernel_dilation=2, use_bias=False),
  ),
  'rectangle': ('Conv', dict(kernel_size=(2, 3), padding=((1, 0), (1, 1)))),
  'one number': ('Conv', dict(kernel_size=(3, 3), padding=1)),
  'circular': ('Conv', dict(kernel_size=(3, 3), padding='CIRCULAR')),
  'pointwise': ('Conv', dict(kernel_size=(1, 1))),
  'groups': ('Conv', dict(kernel_size=(3, 3), feature_group_count=2)),
  'spread out': ('Conv', dict(kernel_size=(3, 3), input_dilation=2, padding=1)),
  'masked': (
    'Conv',
    dict(kernel_size=(3, 3), mask=np.tril(np.ones((3, 3)))[..., None, None] * np.ones((4, 6))),
  ),
  'bfloat16': ('Conv', dict(kernel_size=(3, 3), dtype=jnp.bfloat16)),
  'bfloat16 parameters': ('Conv', dict(kernel_size=(3, 3), param_dtype=jnp.bfloat16)),
  'initializers': (
    'Conv',
    dict(kernel_size=(3, 3), kernel_init=nn.initializers.normal(), bias_init=nn.initializers.ones),
  ),
  'transposed': ('ConvTranspose', dict(kernel_size=(4, 4), strides=(2, 2))),
  'transposed, all': (
    'ConvTranspose',
    dict(kernel_size=(3, 2), strides=(2, 2), padding='VALID', kernel_dilation=(2, 2), use_bias=False),
  ),
  'transposed, explicit': (
    'ConvTranspose',
    dict(kernel_size=(3, 3), strides=(2, 1), padding=((2, 1), (1, 1))),
  ),
  'transposed, kernel too': (
    'ConvTranspose',
    dict(kernel_size=(3, 3), strides=(2, 2), transpose_kernel=True),
  ),
  'transposed, masked': (
    'ConvTranspose',
    dict(kernel_size=(2, 2), mask=np.eye(4, 6) * np.ones((2, 2, 1, 1))),
  ),
  'transposed, bfloat16': ('ConvTranspose', dict(kernel_size=(4, 4), strides=(2, 2), dtype=jnp.bfloat16)),
  'transposed, no strides': ('ConvTranspose', dict(kernel_size=(3, 3))),
}


def _pair(name):
  kind, arguments = CASES[name]
  return [getattr(library, kind)(features=6, **arguments) for library in (fast, nn)]


def _assert_equal_outputs(name, x):
  """Both modules give the same, with the same parameters (made up: to initialize costs a compilation)."""
  ours, linens = _pair(name)
  rng = np.random.default_rng(0)
  shapes, wanted_shapes = (jax.eval_shape(module.init, jax.random.key(0), x) for module in (ours, linens))
  assert shapes == wanted_shapes
  params = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), shapes)
  got, wanted = (jax.jit(module.apply)(params, x) for module in (ours, linens))
  assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
  tolerance = 1e-5 if got.dtype == jnp.float32 else 3e-2
  scale = np.abs(np.float32(wanted)).max()
  np.testing.assert_allclose(np.float32(got), np.float32(wanted), rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize('name', CASES)
def test_module_is_linens(name):
  _assert_equal_outputs(name, np.random.default_rng(1).normal(size=(2, 6, 5, 4)).astype(np.float32))


@pytest.mark.parametrize('batch', [(), (2, 3)], ids=['one example', 'two batch axes'])
@pytest.mark.parametrize('name', ['plain', 'transposed'])
def test_any_number_of_batch_axes(name, batch):
  _assert_equal_outputs(name, np.random.default_rng(1).normal(size=(*batch, 6, 5, 4)).astype(np.float32))


@pytest.mark.parametrize('name', ['plain', 'initializers', 'transposed'])
def test_initial_parameters_are_linens(name):
  ours, linens = (module.init(jax.random.key(1), jnp.zeros((1, 4, 4, 4))) for module in _pair(name))
  jax.tree.map(np.testing.assert_array_equal, ours, linens)


def test_a_mask_of_another_shape_is_refused():
  with pytest.raises(ValueError, match='mask'):
    fast.ConvTranspose(6, (3, 3), mask=np.ones((3, 3))).init(jax.random.key(0), jnp.zeros((1, 4, 4, 4)))


def test_names_are_linens():
  """A network keeps its parameter names when it changes library."""

  class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
      return fast.ConvTranspose(2, (2, 2))(fast.Conv(2, (3, 3))(x))

  params = jax.eval_shape(Net().init, jax.random.key(0), jnp.zeros((1, 4, 4, 1)))['params']
  assert set(params) == {'Conv_0', 'ConvTranspose_0'}
