"""How a score model draws what is missing: a way from noise to data that keeps to what is observed."""

from typing import NamedTuple

import jax
import numpy as np

from jaxgen.families.score.path import Path
from jaxgen.families.score.samplers import WAYS
from jaxgen.families.score.way import ScoreFn, Way
from jaxgen.samplers.clamped import Observed, clamped
from jaxgen.samplers.resampled import num_resampled_steps, resampled
from jaxgen.types import Sampler


class Completion(NamedTuple):
  """Made by `completed_by`.

  Attributes:
    way: that is gone.
    num_resamplings: how often each stretch of it is gone; 1: what is observed is put back at each level, and no more.
    jump_length: steps of a stretch.
  """

  way: Way
  num_resamplings: int
  jump_length: int

  def turned(self, **knobs: float) -> 'Completion':
    """With some of the knobs of its way turned.

    Raises:
      ValueError: as `completed_by`: fewer steps may be less than a stretch.
    """
    return completed_by(self.way.turned(**knobs), self.num_resamplings, self.jump_length)

  def sampler(self, score_fn: ScoreFn, known: jax.Array, observed: Observed) -> tuple[Sampler, int]:
    """The chain that is given the observed part of `known`, f32[B, ...], and the number of its steps."""
    way = self.way
    if self.num_resamplings == 1:
      return clamped(way.sampler(score_fn), known, observed, way.sigmas), way.num_steps
    levels = np.append(way.sigmas, 0.0)
    jumps = dict(jump_length=self.jump_length, num_resamplings=self.num_resamplings)
    chain = resampled(way.sampler(score_fn), known, observed, levels, **jumps)
    return chain, num_resampled_steps(len(levels), self.num_resamplings)


def completed_by(way: Way, num_resamplings: int = 1, jump_length: int = 1) -> Completion:
  """Completion along a way: by replacement (`jaxgen.samplers.clamped`), or with RePaint's resampling
  (`jaxgen.samplers.resampled`), which makes what is missing fit what is observed the better the more often it is done.

  Raises:
    ValueError: if a way is to be resampled that stays at a level for several steps, or a stretch is longer than it.
  """
  if num_resamplings == 1:  # no stretch is gone again
    return Completion(way, num_resamplings, jump_length)
  if not np.all(np.diff(way.sigmas) < 0):
    raise ValueError(
      f'resampling goes from level to level, and {way.description} stay at one; give num_resamplings=1, or another '
      'sampler.'
    )
  if jump_length > way.num_steps:
    raise ValueError(
      f'jump_length={jump_length} is a stretch longer than the whole way, of {way.description}; let it be at most '
      f'{way.num_steps}.'
    )
  return Completion(way, num_resamplings, jump_length)


def usual_completion(path: Path) -> Completion:
  """Replacement by predictor and corrector (Song et al. 2021, appendix I.2), in 100 levels: of 20, what is drawn lags
  far behind what is observed. Without fresh noise a chain cannot make good what it did before it saw enough."""
  settings = dict(num_steps=100, rho=0.0, signal_to_noise=0.16, corrector_steps=1)
  return completed_by(WAYS['predictor_corrector'](path, 1.0, **settings))
