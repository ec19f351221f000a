"""Trajectories: the stages that a sample goes through."""

import functools

import jax
import numpy as np

from jaxgen import show
from jaxgen.uses.subject import Subject, Written, needed

_MOST_TILES, _MOST_POINTS = 16, 2000  # samples; points share one picture


def run(subject: Subject) -> Written:
  """`trajectory.gif`, a picture per stage."""
  most = _MOST_TILES if show.KINDS[subject.field.kind].tiled else _MOST_POINTS
  num, rng = min(subject.num, most), subject.rng('trajectory')
  turned = functools.partial(needed(subject.model.trajectory), **subject.knobs)
  trajectory = jax.jit(turned, static_argnums=3)
  stages = trajectory(subject.params, subject.extra, rng, num, subject.given(num))
  path = subject.folder / 'trajectory.gif'
  show.save_gif([subject.picture(stage) for stage in np.asarray(stages)], path)
  return Written((path,))
