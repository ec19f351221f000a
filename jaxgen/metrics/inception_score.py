"""The Inception score of class probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from jaxgen.errors import UserError


def inception_score(probs: ArrayLike, splits: int = 10) -> tuple[float, float]:
  """`exp(E KL(p(y|x) || p(y)))`, between 1 and the number of classes.

  Salimans et al., "Improved techniques for training GANs", section 4. As published, the samples are cut into
  `splits` parts in their order, each with its own `p(y)`; the score is the mean over the parts.

  Args:
    probs: f[N, K], each row sums to 1.
    splits: the number of parts.

  Returns:
    Mean and standard deviation over the parts.

  Raises:
    UserError: if the rows are no probabilities, or there are fewer samples than parts.
  """
  probs = np.asarray(probs, np.float64)
  if probs.ndim != 2 or not np.isfinite(probs).all() or (probs < 0).any():
    raise UserError('An Inception score needs class probabilities [N, K], finite and not negative.')
  if not np.allclose(probs.sum(1), 1, atol=1e-3):
    raise UserError('An Inception score needs class probabilities whose rows sum to 1; apply a softmax.')
  if not 1 <= splits <= len(probs):
    raise UserError(
      f'{len(probs)} samples cannot be cut into {splits} parts: measure with at least {splits} samples.'
    )
  scores = [_score(part) for part in np.array_split(probs, splits)]
  return float(np.mean(scores)), float(np.std(scores))


def _score(probs):
  marginal = probs.mean(0)
  # 0 log 0 = 0; where the marginal is zero, so is every row.
  safe = np.where(probs > 0, probs, 1)
  ratio = np.where(probs > 0, np.log(safe) - np.log(np.where(marginal > 0, marginal, 1)), 0)
  return np.exp((probs * ratio).sum(1).mean())
