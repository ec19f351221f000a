"""Modes covered: of a mixture with known centres, and of labelled data through a classifier."""

from typing import NamedTuple

import numpy as np

from jaxgen.errors import UserError


class Modes(NamedTuple):
  """What samples cover.

  Attributes:
    covered: the number of modes that have samples.
    total: the number of modes.
    share: f64[total], the fraction of the samples in each.
    close: the fraction of the samples that belong to some mode.
  """

  covered: int
  total: int
  share: np.ndarray
  close: float


def mixture_modes(samples: np.ndarray, centres: np.ndarray, std: float, num_std: float = 3.0) -> Modes:
  """Which centres of a mixture of Gaussians have a sample within `num_std` standard deviations.

  Such samples are called 'high quality', and a mode that has one is covered (Srivastava et al., "VEEGAN:
  reducing mode collapse in GANs using implicit variational learning", section 4).

  Args:
    samples: f[N, D].
    centres: f[K, D].
    std: the standard deviation of each component.
    num_std: how far a sample may lie from its centre.

  Raises:
    UserError: if samples and centres differ in width.
  """
  samples, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
  if samples.ndim != 2 or samples.shape[1:] != centres.shape[1:]:
    raise UserError(f'Samples of shape {samples.shape} do not fit centres of shape {centres.shape}.')
  squared = ((samples[:, None] - centres[None]) ** 2).sum(-1)
  nearest = squared.argmin(1)
  close = squared.min(1) <= (num_std * std) ** 2
  counts = np.bincount(nearest[close], minlength=len(centres))
  share = counts / max(len(samples), 1)
  return Modes(int((counts > 0).sum()), len(centres), share, float(close.mean()))


def label_modes(labels: np.ndarray, classes: int, least: float = 0.1) -> Modes:
  """Which classes a classifier finds among the samples.

  A class counts as covered where it has at least `least` of an equal share, `least * N / classes`: a single
  sample, as Srivastava et al. ("VEEGAN") ask of each of 1,000 modes, may be one mistake of the classifier.

  Args:
    labels: i[N], the class of each sample.
    classes: the number of classes.
    least: the part of an equal share that a class needs.
  """
  labels = np.asarray(labels)
  counts = np.bincount(labels, minlength=classes)[:classes]
  covered = counts >= max(least * len(labels) / classes, 1)
  return Modes(int(covered.sum()), classes, counts / max(len(labels), 1), 1.0)


def share_divergence(share: np.ndarray, reference: np.ndarray) -> float:
  """`KL(share || reference)` in nats between two histograms over modes; 0 where they are equal.

  Samples of a mode that the reference lacks would make it infinite; such a mode is given half a sample's
  weight of the smallest share instead.
  """
  share, reference = np.asarray(share, np.float64), np.asarray(reference, np.float64)
  floor = reference[reference > 0].min() / 2
  reference = np.maximum(reference, floor)
  share, reference = share / share.sum(), reference / reference.sum()
  seen = share > 0
  return float((share[seen] * np.log(share[seen] / reference[seen])).sum())
