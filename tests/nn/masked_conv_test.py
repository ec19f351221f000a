import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgen.nn.masked_conv import MaskedConv, raster_mask


def test_masks_by_hand():
  masks = {kind: raster_mask((3, 3), kind, 1, 1)[..., 0, 0] for kind in ('A', 'B', 'above', 'through')}
  np.testing.assert_array_equal(masks['A'], [[1, 1, 1], [1, 0, 0], [0, 0, 0]])
  np.testing.assert_array_equal(masks['B'], [[1, 1, 1], [1, 1, 0], [0, 0, 0]])
  np.testing.assert_array_equal(masks['above'], [[1, 1, 1], [0, 0, 0], [0, 0, 0]])
  np.testing.assert_array_equal(masks['through'], [[1, 1, 1], [1, 1, 1], [0, 0, 0]])


def test_the_centre_orders_the_channel_groups():
  # three groups; the inputs R, G, B, R see the outputs R, G, B: [input, output]
  np.testing.assert_array_equal(
    raster_mask((1, 1), 'A', 4, 3, 3)[0, 0], [[0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 1, 1]]
  )
  np.testing.assert_array_equal(
    raster_mask((1, 1), 'B', 4, 3, 3)[0, 0], [[1, 1, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1]]
  )


CASES = [
  ('A', (5, 5), 1, (3, 5)),
  ('B', (5, 5), 3, (3, 5)),
  ('A', (1, 5), 1, (1, 2)),
  ('A', (1, 5), 3, (1, 3)),
  ('B', (1, 3), 1, (1, 2)),
  ('B', (1, 1), 3, (1, 1)),
  ('above', (5, 3), 1, (2, 3)),
  ('through', (3, 3), 3, (2, 3)),
]


@pytest.mark.parametrize(('kind', 'kernel_size', 'groups', 'cropped'), CASES)
def test_the_cut_kernel_computes_what_the_whole_masked_one_does(kind, kernel_size, groups, cropped):
  x = jax.random.normal(jax.random.key(0), (2, 4, 5, 3))
  module = MaskedConv(6, kernel_size, kind, groups)
  params = jax.jit(module.init)(jax.random.key(1), x)['params']
  (conv,) = params.values()
  assert conv['kernel'].shape == (*cropped, 3, 6)
  mask = raster_mask(kernel_size, kind, 3, 6, groups)
  rows, columns = np.flatnonzero(mask.any((1, 2, 3)))[0], np.flatnonzero(mask.any((0, 2, 3)))[0]
  whole = np.zeros(mask.shape, np.float32)
  whole[rows : rows + cropped[0], columns : columns + cropped[1]] = conv['kernel']
  expected = lax.conv_general_dilated(
    x, whole * mask, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )
  np.testing.assert_allclose(jax.jit(module.apply)({'params': params}, x), expected + conv['bias'], atol=1e-5)


def test_refuses_what_cannot_be_masked():
  x = jnp.zeros((1, 4, 4, 1))
  with pytest.raises(ValueError, match='odd'):
    MaskedConv(2, (2, 3), 'A').init(jax.random.key(0), x)
  with pytest.raises(ValueError, match='no mask "C"'):
    MaskedConv(2, (3, 3), 'C').init(jax.random.key(0), x)
  with pytest.raises(ValueError, match='sees nothing'):
    MaskedConv(2, (1, 1), 'A').init(jax.random.key(0), x)
