import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.metrics.inception_score import inception_score


def test_certain_and_varied_is_the_number_of_classes():
  assert inception_score(np.tile(np.eye(7), (20, 1)), splits=10) == pytest.approx((7.0, 0.0))


def test_uncertain_or_of_one_class_is_one():
  assert inception_score(np.full((50, 7), 1 / 7), 5) == pytest.approx((1.0, 0.0))
  assert inception_score(np.eye(7)[np.zeros(50, int)], 5) == pytest.approx((1.0, 0.0))


def test_two_samples_by_hand():
  # p(y) = (0.6, 0.4)
  expected = np.exp((0.8 * np.log(0.8 / 0.6) + 0.2 * np.log(0.2 / 0.4) + 0.4 * np.log(0.4 / 0.6)
                     + 0.6 * np.log(0.6 / 0.4)) / 2)  # fmt: skip
  assert inception_score([[0.8, 0.2], [0.4, 0.6]], splits=1)[0] == pytest.approx(expected, rel=1e-12)


def test_parts_are_scored_in_order():
  probs = np.concatenate([np.eye(2)[[0, 0]], np.eye(2)[[0, 1]]])
  assert inception_score(probs, splits=2) == pytest.approx((1.5, 0.5))


@pytest.mark.parametrize(
  ('probs', 'splits', 'said'),
  [
    (np.ones((4, 2)), 1, 'sum to 1'),
    (np.full((4, 2), np.nan), 1, 'finite'),
    (np.full((4, 2), 0.5), 5, 'at least 5 samples'),
  ],
)
def test_bad_input(probs, splits, said):
  with pytest.raises(UserError, match=said):
    inception_score(probs, splits)
