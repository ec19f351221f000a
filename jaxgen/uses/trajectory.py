"""Trajectories: the stages that a sample goes through."""

import jax
import numpy as np

from jaxgen import show
from jaxgen.uses.subject import Subject, Written, needed

_MOST = 16  # samples


def run(subject: Subject) -> Written:
  """`trajectory.gif`, a picture per stage."""
  num, rng = min(subject.num, _MOST), subject.rng('trajectory')
  trajectory = jax.jit(needed(subject.model.trajectory), static_argnums=3)
  stages = trajectory(subject.params, subject.extra, rng, num, subject.given(num))
  path = subject.folder / 'trajectory.gif'
  show.save_gif([subject.picture(stage) for stage in np.asarray(stages)], path)
  return Written((path,))
