"""Differentiable augmentation, each policy alone and together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.gan import POLICIES, differentiable
from jaxgen.families.gan.differentiable import color, cutout, translation

SHAPES = [(8, 8, 1), (7, 10, 3), (32, 32, 3)]
RNG = jax.random.key(0)


def _images(shape, num=200):
  return jax.random.uniform(jax.random.key(5), (num, *shape), minval=-1.0)


def augmented(policies, x, rng=RNG):
  augmentation = differentiable(policies)
  return augmentation.apply(augmentation.init(), rng, x)


@pytest.mark.parametrize('policies', [[name] for name in POLICIES] + [list(POLICIES)], ids='+'.join)
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_shapes_stay_and_examples_have_draws_of_their_own(policies, shape):
  x = jnp.broadcast_to(_images(shape, 1), (20, *shape))
  y = augmented(policies, x)
  assert (y.shape, y.dtype) == (x.shape, jnp.float32)
  assert len(np.unique(y.reshape(20, -1), axis=0)) > 5
  np.testing.assert_array_equal(y, augmented(policies, x))
  assert (y != augmented(policies, x, jax.random.key(1))).any()


@pytest.mark.parametrize('policies', [[name] for name in POLICIES] + [list(POLICIES)], ids='+'.join)
def test_the_gradient_is_that_of_a_linear_map_of_each_example(policies):
  """Brightness adds, all else is linear: <y(a + b) - y(a), v> = <b, gradient of <y, v>>, and nobody's pixels mix."""
  a, b, v = _images((8, 8, 3), 3 * 4).reshape(3, 4, 8, 8, 3)
  slope = jax.grad(lambda x: (augmented(policies, x) * v).sum())(a)
  moved = augmented(policies, a + b) - augmented(policies, a)
  np.testing.assert_allclose((moved * v).sum((1, 2, 3)), (b * slope).sum((1, 2, 3)), atol=1e-3)
  assert (np.abs(slope).max((1, 2, 3)) > 0).all()


def test_color_is_brightness_saturation_and_contrast():
  """Of a grey image only the brightness is left; of others the spread of colors is stretched, alike in all pixels."""
  grey = color(RNG, jnp.zeros((500, 4, 4, 3)))
  assert (np.ptp(grey, axis=(1, 2, 3)) < 1e-6).all()
  shift = grey[:, 0, 0, 0]
  assert -0.5 <= shift.min() < -0.45 and 0.45 < shift.max() < 0.5
  x = _images((4, 4, 3), 500)
  y = color(RNG, x)
  np.testing.assert_allclose(y.mean((1, 2, 3)), x.mean((1, 2, 3)) + shift, atol=1e-5)
  pale, bright = x.mean(-1), y.mean(-1)
  contrast = bright.std((1, 2)) / pale.std((1, 2))
  assert 0.5 <= contrast.min() < 0.55 and 1.45 < contrast.max() < 1.5
  saturation = (y - bright[..., None]).std((1, 2, 3)) / (x - pale[..., None]).std((1, 2, 3)) / contrast
  assert saturation.min() < 0.1 and 1.9 < saturation.max() <= 2.0 + 1e-4


@pytest.mark.parametrize(
  ('shape', 'most'), [((8, 8, 1), (1, 1)), ((32, 16, 3), (4, 2)), ((7, 10, 2), (1, 1))]
)
def test_translation_is_by_whole_pixels_with_zeros_coming_in(shape, most):
  x = _images(shape, 300)
  y = np.asarray(translation(RNG, x))
  padded = np.pad(x, ((0, 0), (most[0], most[0]), (most[1], most[1]), (0, 0)))
  height, width = shape[:2]
  found = set()
  for before, after in zip(padded, y, strict=True):
    moves = [
      (down, right)
      for down in range(2 * most[0] + 1)
      for right in range(2 * most[1] + 1)
      if np.array_equal(before[down : down + height, right : right + width], after)
    ]
    assert len(moves) == 1
    found |= set(moves)
  assert len(found) == (2 * most[0] + 1) * (2 * most[1] + 1)  # each move comes up


@pytest.mark.parametrize('side', [8, 7, 32])
def test_cutout_is_a_rectangle_of_zeros_and_nothing_else(side):
  x = jnp.ones((400, side, side, 2))
  y = np.asarray(cutout(RNG, x))
  size = int(side / 2 + 0.5)
  sizes = set()
  for image in y:
    np.testing.assert_array_equal(image[..., 0], image[..., 1])
    rows, columns = (image[..., 0] == 0).any(1), (image[..., 0] == 0).any(0)
    np.testing.assert_array_equal(image[..., 0] == 0, np.outer(rows, columns))
    for line in (rows, columns):
      where = np.flatnonzero(line)
      np.testing.assert_array_equal(where, np.arange(where[0], where[-1] + 1))
      assert (line.sum() == size) or line[0] or line[-1]  # less only at an edge
      sizes.add(int(line.sum()))
  assert max(sizes) == size and min(sizes) == (size + 1) // 2
  # pixels near the middle are hidden as often as the place of the rectangle says
  middle = (y[:, side // 2, side // 2, 0] == 0).mean()
  np.testing.assert_allclose(middle, (size / (side + 1 - size % 2)) ** 2, atol=0.08)


def test_policies_follow_one_another_in_the_order_of_their_names():
  x = _images((8, 8, 1), 50)
  y = augmented(['color', 'cutout'], x)
  assert ((y == 0).mean((1, 2, 3)) >= 4 / 64).all()  # zeros stay zeros: color came first


def test_an_unknown_policy_is_an_error():
  with pytest.raises(KeyError, match='colour'):
    differentiable(['colour'])
