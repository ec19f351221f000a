"""Nearest training examples, and memorization: are samples nearer to them than unseen data are?"""

from typing import NamedTuple

import numpy as np

from jaxgen.metrics.distances import nearest


class Memorization(NamedTuple):
  """Near 1 and near `quantile` for a model that does not copy.

  Attributes:
    ratio: median distance of samples to their nearest training example, over that of held-out data.
    copied: fraction of samples that are at least as near to one as the nearest `quantile` of held-out data. Where more
      held-out examples than that are in the training set too, these are copies, and so is every sample that is.
  """

  ratio: float
  copied: float


def memorization(
  generated: np.ndarray, train: np.ndarray, held_out: np.ndarray, quantile: float = 0.05
) -> Memorization:
  """Compares distances to the nearest training example: those of samples with those of held-out data.

  The comparison of these two distributions of distances is that of Meehan et al., "A non-parametric test to
  detect data-copying in generative models", with a median and a quantile in place of a rank test.

  Args:
    generated: f[M, D], pixels or features.
    train: f[N, D].
    held_out: f[K, D], data that the model was not trained on.
    quantile: which held-out distance counts as suspiciously near.

  Raises:
    UserError: if there is no training example, or some number is not finite.
  """
  of_generated = np.sqrt(nearest(generated, train)[0][:, 0])
  of_held_out = np.sqrt(nearest(held_out, train)[0][:, 0])
  ratio = np.median(of_generated) / max(np.median(of_held_out), np.finfo(np.float32).tiny)
  return Memorization(float(ratio), float((of_generated <= np.quantile(of_held_out, quantile)).mean()))


def nearest_neighbours(
  generated: np.ndarray, train: np.ndarray, num: int = 1
) -> tuple[np.ndarray, np.ndarray]:
  """The training examples nearest to each sample: distances f32[M, num], ascending, and places i32[M, num].

  Args:
    generated: samples of any shape, [M, ...]; compared in this space (pixels), flattened.
    train: [N, ...].
    num: how many.

  Raises:
    UserError: if there are fewer training examples than that.
  """
  squared, places = nearest(_flat(generated), _flat(train), num)
  return np.sqrt(squared), places


def _flat(x):
  return np.asarray(x).reshape(len(x), -1)
