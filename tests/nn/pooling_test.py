import jax.numpy as jnp
import numpy as np

from jaxgen.nn.pooling import doubled, max_pool, mean_pool

X = jnp.arange(2 * 5 * 3, dtype=jnp.float32).reshape(2, 5, 3, 1)


def test_cells_at_the_edge_have_the_pixels_that_there_are():
  mean, largest = mean_pool(X), max_pool(X)
  assert mean.shape == largest.shape == (2, 3, 2, 1)
  for row in range(3):
    for column in range(2):
      cell = X[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
      np.testing.assert_allclose(mean[:, row, column], cell.mean((1, 2)))
      np.testing.assert_array_equal(largest[:, row, column], cell.max((1, 2)))


def test_the_mean_of_what_was_doubled_is_what_it_was():
  assert doubled(X).shape == (2, 10, 6, 1)
  np.testing.assert_array_equal(mean_pool(doubled(X)), X)
