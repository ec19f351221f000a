import numpy as np
import pytest

from jaxgen.metrics.roc import auc, roc_curve


def test_the_curve_by_hand():
  false, true = roc_curve(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False]))
  assert false.tolist() == [0, 0, 0.5, 0.5, 1]
  assert true.tolist() == [0, 0.5, 0.5, 1, 1]


def test_the_area_is_the_probability_of_the_right_order_ties_counting_half():
  rng = np.random.default_rng(0)
  scores, positive = rng.integers(6, size=80), rng.random(80) < 0.4
  above, below = scores[positive], scores[~positive]
  expected = np.mean((above[:, None] > below) + 0.5 * (above[:, None] == below))
  assert auc(scores, positive)[0] == pytest.approx(expected)
  assert auc(-scores, positive)[0] == pytest.approx(1 - expected)


def test_infinite_scores_are_equal_scores():
  scores = np.array([np.inf, np.inf, 0.0, -np.inf])
  assert auc(scores, np.array([True, False, False, False]))[0] == pytest.approx(5 / 6)
  assert auc(scores, np.array([False, True, False, False]))[0] == pytest.approx(5 / 6)


def test_the_standard_error_is_the_spread_over_sets():
  rng = np.random.default_rng(1)
  positive = np.arange(120) < 50
  found = [auc(rng.normal(size=120) + positive, positive) for _ in range(400)]
  areas, errors = np.array(found).T
  assert errors.mean() == pytest.approx(areas.std(), rel=0.15)


def test_one_group_alone_is_refused():
  with pytest.raises(ValueError, match='both groups'):
    auc(np.zeros(3), np.ones(3, bool))
