import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgen.nn.pooling import doubled, max_around, max_pool, mean_around, mean_pool

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


@pytest.mark.parametrize('side', [1, 3, 5])
def test_neighbours_are_those_of_a_window_of_stride_one(side):
  x = jax.random.normal(jax.random.key(0), (2, 4, 7, 3))  # narrower than the largest window
  for ours, linens in ((mean_around, nn.avg_pool), (max_around, nn.max_pool)):
    expected = linens(x, (side, side), padding='SAME')
    np.testing.assert_allclose(ours(x, side), expected, rtol=1e-5, atol=1e-6)
    slope, usual = (
      jax.grad(lambda x, f=f: jnp.sin(f(x)).sum())
      for f in (lambda x, f=ours: f(x, side), lambda x, f=linens: f(x, (side, side), padding='SAME'))
    )
    np.testing.assert_allclose(slope(x), usual(x), rtol=1e-4, atol=1e-5)
