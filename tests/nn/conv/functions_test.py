"""`conv` and `conv_transpose` against `jax.lax`: values and derivatives of every kind, in every context."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgen.nn import conv, conv_transpose

# name: (spatial, C, kernel, O, arguments of conv)
CONVS = {
  'same': ((6, 5), 2, (3, 3), 3, {}),
  'valid': ((6, 5), 2, (3, 2), 3, dict(padding='VALID')),
  'stride 2': ((6, 5), 2, (3, 3), 3, dict(strides=2)),
  'stride that leaves pixels out': ((9, 8), 2, (2, 2), 3, dict(strides=(3, 3), padding='VALID')),
  'strides differ': ((6, 5), 2, (4, 3), 3, dict(strides=(2, 1))),
  'dilated': ((7, 6), 2, (3, 3), 3, dict(kernel_dilation=(2, 1))),
  'dilated stride': ((7, 6), 2, (3, 3), 3, dict(kernel_dilation=2, strides=2, padding=2)),
  'explicit': ((6, 5), 2, (2, 3), 3, dict(padding=((1, 0), (1, 1)))),
  'padded beyond the kernel': ((6, 5), 2, (2, 3), 3, dict(padding=((4, 0), (0, 5)))),
  'cropped': ((6, 5), 2, (1, 3), 3, dict(padding=((1, -1), (1, 1)))),
  'pointwise': ((6, 5), 2, (1, 1), 3, {}),
  'pointwise stride': ((6, 5), 2, (1, 1), 3, dict(strides=2)),
  'pointwise padded': ((6, 5), 2, (1, 1), 3, dict(padding=1)),
  'two groups': ((6, 5), 4, (3, 3), 6, dict(feature_group_count=2, strides=2)),
  'many groups': ((3, 2), 36, (2, 1), 18, dict(feature_group_count=18)),
  'depthwise': ((6, 5), 4, (3, 3), 4, dict(feature_group_count=4)),
  'depthwise, twice as wide': (
    (6, 5),
    3,
    (3, 2),
    6,
    dict(feature_group_count=3, strides=2, kernel_dilation=2),
  ),
  'image within the kernel': ((2, 2), 2, (3, 3), 3, {}),
  'image within a dilated kernel': ((3, 2), 2, (2, 3), 3, dict(kernel_dilation=2, padding=((2, 1), (2, 3)))),
  'image within a strided kernel': ((4, 3), 2, (4, 3), 3, dict(strides=2)),
  'image smaller than the output': ((3, 5), 2, (2, 2), 3, dict(padding=((2, 1), (1, 1)), strides=(1, 2))),
  'groups of small images': ((2, 2), 4, (3, 3), 4, dict(feature_group_count=2)),
  'few channels to many': ((6, 5), 1, (3, 2), 6, dict(padding=((2, 1), (0, -1)))),
  'many channels to few': ((6, 5), 7, (3, 3), 1, {}),
  'many channels to few, one-sided': ((6, 5), 8, (2, 3), 1, dict(padding=((3, 0), (-1, 4)))),
  'few channels, one dimension': ((9,), 6, (4,), 1, dict(padding='VALID')),
  'one dimension': ((8,), 2, (3,), 3, dict(padding=((2, 0),))),
  'three dimensions': ((3, 4, 3), 2, (2, 3, 2), 3, dict(strides=(1, 2, 1))),
}

TRANSPOSES = {
  'same': ((4, 3), 2, (4, 4), 3, dict(strides=2)),
  'same, odd kernel': ((4, 3), 2, (3, 5), 3, dict(strides=2)),
  'valid': ((4, 3), 2, (3, 2), 3, dict(strides=2, padding='VALID')),
  'stride beyond the kernel': ((4, 3), 2, (2, 2), 3, dict(strides=3)),
  'stride beyond the kernel, valid': ((4, 3), 2, (2, 2), 3, dict(strides=3, padding='VALID')),
  'explicit': ((4, 3), 2, (3, 3), 3, dict(strides=(2, 1), padding=((1, 2), (0, 3)))),
  'dilated': ((4, 3), 2, (3, 2), 3, dict(strides=2, kernel_dilation=2)),
  'kernel of the convolution': ((4, 3), 2, (3, 4), 3, dict(strides=2, transpose_kernel=True)),
  'one dimension': ((5,), 2, (4,), 3, dict(strides=2)),
}


def _pair(value, spatial):
  return (value,) * spatial if isinstance(value, int) else value


def lax_conv(x, k, strides=1, padding='SAME', kernel_dilation=1, feature_group_count=1):
  n = x.ndim - 2
  padding = [(padding, padding)] * n if isinstance(padding, int) else padding
  names = {1: ('NHC', 'HIO', 'NHC'), 2: ('NHWC', 'HWIO', 'NHWC'), 3: ('NHWDC', 'HWDIO', 'NHWDC')}[n]
  return lax.conv_general_dilated(
    x,
    k,
    _pair(strides, n),
    padding,
    rhs_dilation=_pair(kernel_dilation, n),
    dimension_numbers=names,
    feature_group_count=feature_group_count,
  )


def lax_transpose(x, k, strides=1, padding='SAME', kernel_dilation=1, transpose_kernel=False):
  n = x.ndim - 2
  dilation = _pair(kernel_dilation, n)
  return lax.conv_transpose(
    x, k, _pair(strides, n), padding, rhs_dilation=dilation, transpose_kernel=transpose_kernel
  )


def _arrays(spatial, channels, kernel, features, arguments, batch=2):
  rng = np.random.default_rng(0)
  ends = (channels // arguments.get('feature_group_count', 1), features)
  ends = ends[::-1] if arguments.get('transpose_kernel') else ends
  x, k = (batch, *spatial, channels), (*kernel, *ends)
  return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in (x, k, x, k)]


def _everything(function):
  """Value, gradient, gradient of a gradient penalty, forward mode, and forward over reverse."""

  def scalar(x, k):
    return jnp.sum(jnp.sin(function(x, k)))

  def penalty(x, k):
    return jnp.sum(jax.grad(scalar)(x, k) ** 2)

  @jax.jit
  def compute(x, k, dx, dk):
    return dict(
      value_and_forward=jax.jvp(function, (x, k), (dx, dk)),
      hessian_product=jax.jvp(jax.grad(scalar, (0, 1)), (x, k), (dx, dk)),
      penalty=jax.grad(penalty, (0, 1))(x, k),
    )

  return compute


def _assert_close(got, wanted, tolerance=2e-5):
  def close(a, b):
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    a, b = np.float64(a), np.float64(b)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max()))

  jax.tree.map(close, got, wanted)


def _value_and_gradients(function):
  @jax.jit
  def compute(x, k, dy):
    y, transpose = jax.vjp(function, x, k)
    return y, transpose(dy)

  return compute


FUNCTIONS = {'conv': (conv, lax_conv, CONVS), 'conv_transpose': (conv_transpose, lax_transpose, TRANSPOSES)}
ROWS = [(kind, name) for kind, (*_, table) in FUNCTIONS.items() for name in table]


@pytest.mark.parametrize(('kind', 'name'), ROWS)
def test_values_and_gradients_are_those_of_lax(kind, name):
  ours, theirs, table = FUNCTIONS[kind]
  *_, arguments = table[name]
  x, k, _, _ = _arrays(*table[name])
  ours, theirs = (partial(function, **arguments) for function in (ours, theirs))
  dy = np.random.default_rng(1).normal(size=jax.eval_shape(theirs, x, k).shape).astype(np.float32)
  _assert_close(_value_and_gradients(ours)(x, k, dy), _value_and_gradients(theirs)(x, k, dy))


# One rule serves every window, so that these stand for the rest.
@pytest.mark.parametrize(
  ('kind', 'name'),
  [
    ('conv', 'dilated stride'),
    ('conv', 'two groups'),
    ('conv', 'pointwise'),
    ('conv_transpose', 'same, odd kernel'),
  ],
)
def test_all_derivatives_up_to_the_second_are_those_of_lax(kind, name):
  ours, theirs, table = FUNCTIONS[kind]
  *_, arguments = table[name]
  arrays = _arrays(*table[name])
  got, wanted = (_everything(partial(function, **arguments))(*arrays) for function in (ours, theirs))
  _assert_close(got, wanted)


AXES = {'inputs': (1, None), 'kernels': (None, 3), 'both': (1, 3)}


@pytest.mark.parametrize('mapped', AXES)
@pytest.mark.parametrize('groups', [1, 2])
def test_vmap_of_values_and_gradients(mapped, groups):
  axes = AXES[mapped]
  arguments = dict(feature_group_count=groups, strides=2)
  rng = np.random.default_rng(0)
  shapes = [[2, 6, 5, 4], [3, 3, 4 // groups, 4]]
  for shape, axis in zip(shapes, axes, strict=True):
    if axis is not None:
      shape.insert(axis, 3)
  arrays = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]

  def both(function):
    def scalar(x, k):
      return jnp.sum(jnp.sin(function(x, k, **arguments)))

    def value_and_gradient(x, k):
      return function(x, k, **arguments), jax.grad(scalar, (0, 1))(x, k)

    return jax.jit(jax.vmap(value_and_gradient, axes))(*arrays)

  _assert_close(both(conv), both(lax_conv))


CONTEXTS = {
  'op by op': lambda gradient, x, k: gradient(x, k),
  'scan': lambda gradient, x, k: lax.scan(lambda c, _: (gradient(*c), None), (x, k), length=2)[0],
  'cond': lambda gradient, x, k: lax.cond(x[0, 0, 0, 0] < 9, gradient, lambda x, k: (x, k), x, k),
  'remat': lambda gradient, x, k: jax.grad(jax.checkpoint(lambda x, k: jnp.sum(gradient(x, k)[0])), (0, 1))(
    x, k
  ),
}


@pytest.mark.parametrize('context', CONTEXTS)
def test_gradients_in_context(context):
  x, k, _, _ = _arrays((6, 6), 3, (3, 3), 3, {})

  def gradient(function):
    return jax.grad(lambda x, k: 0.1 * jnp.sum(jnp.sin(function(x, k))), (0, 1))

  got, wanted = (CONTEXTS[context](gradient(function), x, k) for function in (conv, lax_conv))
  _assert_close(got, wanted)


def test_bfloat16_stays_bfloat16():
  arrays = [a.astype(jnp.bfloat16) for a in _arrays(*CONVS['stride 2'])]
  got, wanted = (_everything(partial(f, strides=2))(*arrays) for f in (conv, lax_conv))
  _assert_close(got, wanted, tolerance=3e-2)


def test_shard_map_keeps_track_of_what_varies():
  """With `check_vma`, the kernel is the same on every device and its gradient is summed over them."""
  x, k, _, _ = _arrays(*CONVS['same'])
  mesh = jax.make_mesh((1,), ('data',), axis_types=(jax.sharding.AxisType.Auto,))
  spec = jax.sharding.PartitionSpec

  def gradient(function):
    def local(x, k):
      return jax.grad(lambda k: jnp.sum(jnp.sin(function(x, k))))(k)

    return jax.jit(jax.shard_map(local, mesh=mesh, in_specs=(spec('data'), spec()), out_specs=spec()))

  _assert_close(gradient(conv)(x, k), gradient(lax_conv)(x, k))


def _layouts_of_second_derivatives_in_a_loop(function, x, k):
  def scalar(x, k):
    return jnp.sum(jnp.sin(function(x, k)))

  def penalty(x, k):
    return scalar(x, k) + jnp.sum(jax.grad(scalar)(x, k) ** 2)

  def steps(x, k):
    return lax.scan(lambda c, _: (jax.grad(penalty, (0, 1))(*c), None), (x, k), length=3)[0]

  return set(re.findall(r'dim_labels=(\S+?)[,\s]', jax.jit(steps).lower(x, k).compile().as_text()))


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='the layouts are those of a CPU')
def test_on_a_cpu_only_the_fast_layout_occurs_within_a_loop():
  x, k, _, _ = _arrays((8, 8), 4, (3, 3), 4, {})
  fast = {'b01f_01io->b01f'}
  assert _layouts_of_second_derivatives_in_a_loop(conv, x, k) == fast
  assert _layouts_of_second_derivatives_in_a_loop(partial(conv_transpose, strides=1), x, k) == fast
  assert _layouts_of_second_derivatives_in_a_loop(lax_conv, x, k) > fast  # else nothing is measured here


X, K = jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 2, 4))
MISTAKES = {
  'rank': (lambda: conv(X, K[0]), 'rank'),
  'channels': (lambda: conv(X, K[:, :, :1]), 'do not fit 2 channels'),
  'groups': (lambda: conv(X, jnp.zeros((3, 3, 1, 3)), feature_group_count=2), 'do not fit'),
  'strides': (lambda: conv(X, K, (1, 2, 3)), 'one entry for each of 2'),
  'padding by name': (lambda: conv(X, K, 1, 'SMAE'), '"SMAE"'),
  'padding by number': (lambda: conv(X, K, 1, (1, 1, 1)), 'one entry for each of 2'),
  'too small': (lambda: conv(X[:, :2], K, 1, 'VALID'), 'does not fit'),
  'transposed channels': (lambda: conv_transpose(X, K[:, :, :1]), 'does not fit'),
}


@pytest.mark.parametrize('name', MISTAKES)
def test_mistakes_are_named(name):
  call, words = MISTAKES[name]
  with pytest.raises(ValueError, match=words):
    call()


def test_two_dtypes_are_refused():
  with pytest.raises(TypeError, match='one dtype'):
    conv(X, K.astype(jnp.bfloat16))
