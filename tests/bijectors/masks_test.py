import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import masks

X = jnp.arange(1.0, 13.0).reshape(1, 2, 3, 2)


def test_halves():
  kept, moved = masks.halves().split(jnp.arange(5.0)[None])
  np.testing.assert_array_equal(kept, [[0, 1]])
  np.testing.assert_array_equal(moved, [[2, 3, 4]])
  kept, moved = masks.halves(swap=True).split(jnp.arange(5.0)[None])
  np.testing.assert_array_equal(kept, [[2, 3, 4]])


def test_alternating():
  kept, moved = masks.alternating().split(jnp.arange(5.0)[None])
  np.testing.assert_array_equal(kept, [[0, 2, 4]])
  np.testing.assert_array_equal(moved, [[1, 3]])
  kept, moved = masks.alternating(swap=True).split(jnp.arange(5.0)[None])
  np.testing.assert_array_equal(kept, [[1, 3]])
  for swap in (False, True):
    mask = masks.alternating(swap)
    np.testing.assert_array_equal(mask.merge(*mask.split(jnp.arange(5.0)[None])), [np.arange(5.0)])


def test_checkerboard():
  kept, _ = masks.checkerboard(2, 3).split(X)
  np.testing.assert_array_equal(kept[0, :, :, 0] > 0, [[True, False, True], [False, True, False]])
  other, _ = masks.checkerboard(2, 3, parity=1).split(X)
  np.testing.assert_array_equal(kept + other, X)


def test_nothing_is_kept_by_nothing():
  kept, moved = masks.nothing().split(X)
  assert not kept.any()
  np.testing.assert_array_equal(moved, X)


@pytest.mark.parametrize(
  'mask', [masks.halves(), masks.halves(True), masks.alternating(), masks.checkerboard(2, 3), masks.nothing()]
)
def test_merge_undoes_split(mask):
  np.testing.assert_array_equal(mask.merge(*mask.split(X)), X)


def test_one_channel_cannot_be_halved():
  for mask in (masks.halves(), masks.alternating()):
    with pytest.raises(ValueError, match='at least 2 channels'):
      mask.split(jnp.ones((3, 1)))


@pytest.mark.parametrize('keep', [np.array([0.3, 1.0]), np.array([0, 1]), jnp.array([0.0, 1.0])])
def test_only_bool_says_what_is_kept(keep):
  with pytest.raises(ValueError, match='a mask must be bool, not '):
    masks.binary(keep)


def test_a_traced_mask_is_refused_in_a_sentence():
  with pytest.raises(ValueError, match='a mask is a constant'):
    jax.jit(lambda keep: masks.binary(keep).split(X)[0])(jnp.array([True, False]))
