"""What the experiment on codes prints of numbers that are known."""

import numpy as np

from experiments.codes.__main__ import recognized


def test_shares_of_what_is_recognized():
  probabilities = np.array([[0.95, 0.05], [0.6, 0.4], [0.02, 0.98], [0.97, 0.03]])
  shares = recognized(probabilities, np.array([0, 0, 1, 1]))
  assert shares == {
    'confident': 0.75,
    'class asked for': 0.75,
    'both': 0.5,
    'rarest class': 0.25,
    'commonest class': 0.75,
  }
  assert 'both' not in recognized(probabilities, None)
