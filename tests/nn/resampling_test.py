import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgen.nn.pooling import doubled, mean_pool
from jaxgen.nn.resampling import Common, DeepDownBlock, DeepUpBlock, DownBlock, UpBlock, sides

X = jax.random.normal(jax.random.key(0), (2, 6, 6, 8))
CONDITION = jax.random.normal(jax.random.key(1), (2, 3))
PLAIN, SPECTRAL = (Common(spectral, nn.initializers.orthogonal(), 0.1) for spectral in (False, True))


@pytest.mark.parametrize(
  ('side', 'halvings', 'expected'),
  [
    (32, 3, (4, 8, 16, 32)),
    (45, 3, (6, 12, 23, 45)),
    (45, 5, (2, 3, 6, 12, 23, 45)),
    (28, 2, (7, 14, 28)),
    (4, 0, (4,)),
  ],
)
def test_half_of_an_odd_side_is_rounded_up(side, halvings, expected):
  assert sides(side, halvings) == expected


@pytest.mark.parametrize('common', [PLAIN, SPECTRAL], ids=['plain', 'spectral'])
@pytest.mark.parametrize('side', [6, 11, 12])
@pytest.mark.parametrize(
  ('block', 'features'), [(UpBlock, 16), (UpBlock, 8), (DeepUpBlock, 8), (DeepUpBlock, 4)]
)
def test_blocks_grow_to_the_side_that_is_asked_for(block, features, side, common):
  shape = jax.eval_shape(
    lambda: block(features, side, common).init_with_output(jax.random.key(2), X, CONDITION, train=True)[0]
  ).shape
  assert shape == (2, side, side, features)


@pytest.mark.parametrize('common', [PLAIN, SPECTRAL], ids=['plain', 'spectral'])
@pytest.mark.parametrize(
  ('side', 'halves', 'expected'), [(6, False, 6), (6, True, 3), (5, True, 3), (1, True, 1)]
)
@pytest.mark.parametrize(
  ('block', 'features'), [(DownBlock, 16), (DownBlock, 4), (DeepDownBlock, 8), (DeepDownBlock, 12)]
)
def test_blocks_halve_any_side(block, features, side, halves, expected, common):
  x = X[:, :side, :side]
  shape = jax.eval_shape(
    lambda: block(features, halves, common).init_with_output(jax.random.key(2), x, train=True)[0]
  ).shape
  assert shape == (2, expected, expected, features)


def _without_branch(block, *args):
  """What a block gives once the last layer of its branch is zero, and the parameters of the skip."""
  variables = block.init(jax.random.key(2), *args, train=False)
  last = {UpBlock: 'Conv_0', DownBlock: 'Conv_1', DeepUpBlock: 'Dense_1', DeepDownBlock: 'Dense_2'}[
    type(block)
  ]
  params = dict(variables['params'])
  params[last] = jax.tree.map(jnp.zeros_like, params[last])
  return block.apply({**variables, 'params': params}, *args, train=False), params


def test_the_skips_of_deep_blocks_keep_channels_as_they_are():
  grown, _ = _without_branch(DeepUpBlock(4, 11, PLAIN), X, CONDITION)
  np.testing.assert_array_equal(grown, doubled(X[..., :4])[:, :11, :11])
  halved, params = _without_branch(DeepDownBlock(12, True, PLAIN), X)
  np.testing.assert_array_equal(halved[..., :8], mean_pool(X))
  np.testing.assert_allclose(
    halved[..., 8:], mean_pool(X) @ params['Dense_1']['kernel'], rtol=1e-5, atol=1e-6
  )


def test_the_skips_of_plain_blocks_are_learned_where_shapes_change():
  grown, params = _without_branch(UpBlock(8, 12, PLAIN), X, CONDITION)
  np.testing.assert_allclose(grown, doubled(X) @ params['Dense_0']['kernel'], rtol=1e-5, atol=1e-6)
  halved, params = _without_branch(DownBlock(4, True, PLAIN), X)
  np.testing.assert_allclose(halved, mean_pool(X @ params['Dense_0']['kernel']), rtol=1e-5, atol=1e-6)
  kept, params = _without_branch(DownBlock(8, False, PLAIN), X)
  np.testing.assert_array_equal(kept, X)
  assert 'Dense_0' not in params


def test_the_first_convolution_is_of_the_rectified_image_or_of_the_image():
  for of_image, seen in ((False, jnp.where(X > 0, X, 0.1 * X)), (True, X)):
    block = DownBlock(4, False, PLAIN, of_image)
    variables = block.init(jax.random.key(2), X, train=False)
    _, state = block.apply(variables, X, train=False, capture_intermediates=True, mutable=['intermediates'])
    kernel = variables['params']['Conv_0']['kernel']
    expected = jax.lax.conv_general_dilated(
      seen, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
    )
    found = state['intermediates']['Conv_0']['__call__'][0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  ('wide', 'of_image', 'hidden'), [(True, False, 16), (False, False, 8), (False, True, 16)]
)
def test_a_narrow_block_widens_in_its_second_convolution(wide, of_image, hidden):
  block = DownBlock(16, True, PLAIN, of_image, wide)
  params = jax.eval_shape(lambda: block.init(jax.random.key(2), X, train=False))['params']
  assert params['Conv_0']['kernel'].shape[-1] == hidden
