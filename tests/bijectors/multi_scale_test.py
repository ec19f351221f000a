import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.bijectors import MultiScale, ScaleShift, Squeeze


def test_half_leaves_after_every_level_but_the_last():
  flow = MultiScale((Squeeze(), Squeeze(), Squeeze()))
  latents, _ = flow.apply({}, jnp.ones((2, 8, 8, 3)), method='forward_and_log_det')
  assert [z.shape for z in latents] == [(2, 4, 4, 6), (2, 2, 2, 12), (2, 1, 1, 48)]


def test_what_left_is_not_touched_by_later_levels():
  flow = MultiScale((ScaleShift(2.0), ScaleShift(10.0)))
  latents, log_det = flow.apply({}, jnp.array([[1.0, 2.0, 3.0, 4.0]]), method='forward_and_log_det')
  np.testing.assert_allclose(latents[0], [[6, 8]])
  np.testing.assert_allclose(latents[1], [[20, 40]])
  np.testing.assert_allclose(log_det, [4 * np.log(2) + 2 * np.log(10)], rtol=1e-6)


def test_one_level_leaves_a_tuple_of_one():
  latents, _ = MultiScale((ScaleShift(),)).apply({}, jnp.ones((2, 3)), method='forward_and_log_det')
  assert [z.shape for z in latents] == [(2, 3)]


def test_no_level_is_refused():
  with pytest.raises(ValueError, match='at least one level'):
    MultiScale(())
