import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.kernel import kernel_distance


def _brute_force(x, y):
  """Sums over pairs, i != j, as the equation has them."""

  def kernel(a, b):
    return (a @ b / len(a) + 1) ** 3

  m = len(x)
  within = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j)
  across = sum(kernel(x[i], y[j]) for i in range(m) for j in range(m))
  return within / (m * (m - 1)) - 2 * across / m**2


def test_one_subset_of_everything_is_the_equation():
  x, y = np.random.default_rng(0).normal(size=(2, 9, 4)) + np.array([0, 1])[:, None, None]
  value, spread = kernel_distance(x, y, subsets=3, subset_size=9)
  assert value == pytest.approx(_brute_force(x, y), rel=1e-12)
  assert spread is None


@pytest.mark.parametrize(('size', 'known'), [(20, True), (21, False), (40, False)])
def test_there_is_a_spread_where_subsets_are_at_most_half_of_the_smaller_set(size, known):
  x, y = np.random.default_rng(4).normal(size=(2, 60, 3))
  value, spread = kernel_distance(x, y[:40], subsets=50, subset_size=size)
  assert np.isfinite(value)
  assert (spread is not None and spread > 1e-3) if known else spread is None


def test_equal_distributions_average_to_zero_at_any_sample_size():
  rng = np.random.default_rng(1)
  samples = rng.normal(size=(4000, 2, 6, 3))
  values = [kernel_distance(x, y, subsets=1, subset_size=6)[0] for x, y in samples]
  error = np.std(values) / np.sqrt(len(values))
  assert abs(np.mean(values)) < 4 * error
  # With i = j left in, the average would be E k(x, x) - E k(x, x') = E (|x|^2 / 3 + 1)^3 - 4/3, a third of it.
  assert ((samples**2).sum(-1) / 3 + 1).mean() ** 3 / 3 > 40 * error


def test_mean_of_a_point_mass_by_hand():
  # k(0, 0) = 1, k(1, 1) = 8, k(0, 1) = 1 in one dimension
  assert kernel_distance(np.zeros((5, 1)), np.ones((5, 1)), subsets=2)[0] == pytest.approx(7.0)


def test_subsets_follow_the_seed():
  x, y = np.random.default_rng(2).normal(size=(2, 40, 3))
  first, again, other = (kernel_distance(x, y, subsets=4, subset_size=10, seed=s)[0] for s in (0, 0, 1))
  assert first == again != other


def test_bad_input():
  with pytest.raises(UserError, match='at least 2 samples'):
    kernel_distance(np.zeros((1, 3)), np.zeros((5, 3)))
  with pytest.raises(UserError, match='3 and 4 wide'):
    kernel_distance(np.zeros((5, 3)), np.zeros((5, 4)))
  with pytest.raises(UserError, match='1 of 5 samples are not finite'):
    kernel_distance(np.zeros((5, 3)), np.diag([np.nan, 0, 0, 0, 0])[:, :3])
