import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.families.pixels import to_data, to_network


def test_levels_fill_the_interval():
  np.testing.assert_allclose(to_network(jnp.array([0, 8, 16], jnp.uint8), 17), [-1.0, 0.0, 1.0])


@pytest.mark.parametrize(
  ('levels', 'dtype'), [(2, jnp.uint8), (17, jnp.uint8), (256, jnp.uint8), (1000, jnp.int32)]
)
def test_every_level_survives_the_way_there_and_back(levels, dtype):
  x = jnp.arange(levels, dtype=dtype)
  back = to_data(to_network(x, levels), levels)
  assert back.dtype == dtype
  np.testing.assert_array_equal(back, x)


def test_what_lies_beyond_the_range_is_clipped():
  np.testing.assert_array_equal(to_data(jnp.array([-9.0, 9.0, 0.06]), 17), [0, 16, 8])


def test_continuous_data_is_left_alone():
  x = jnp.array([[-3.0, 7.5]])
  assert to_network(x, 0) is x
  assert to_data(x, 0) is x
