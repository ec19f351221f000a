"""The score as arrows over the density of the blurred data, from the largest noise to the smallest."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import show
from jaxgen.uses.samples import sampler
from jaxgen.uses.subject import Subject, Written, needed

_PANELS, _FRAMES = 6, 30
_ARROWS, _BINS = 23, 161  # a side
_MARGIN = 1.25  # of the picture round the data
_DRAWN = 4000  # samples, where the density is not known
_SMOOTHED = 0.04  # of the picture: the least blur of samples, which are few


def run(subject: Subject) -> Written:
  """`score_field.png`, a panel for each of a few noise levels, and `score_field.gif`, over many of them.

  Arrows are `sigma s(x, sigma)`, so that their length is of order one at every noise. Beneath them is the density of
  the data blurred by sigma: of data of a known density that density, of others the model's own samples. Where the model
  has conditions, all is given those of one sample.
  """
  limits = _MARGIN * (subject.about.limits or 1.0)
  mass, given = _mass(subject, limits), subject.given(1)
  score = jax.jit(functools.partial(_arrows, subject, limits, given))
  panels = []
  for sigma in np.geomspace(*needed(subject.model.noise_range), _FRAMES):
    title = f'σ = {sigma:.3g}'
    panels.append(show.Panel(title, blurred(mass, sigma * _BINS / (2 * limits)), np.asarray(score(sigma))))
  few = np.linspace(0, _FRAMES - 1, _PANELS).round().astype(int)
  path = subject.folder / 'score_field.gif'
  show.save_gif([show.arrows([panel], limits) for panel in panels], path)
  picture = subject.save_picture('score_field', show.arrows([panels[index] for index in few], limits))
  return Written((picture, path), drawn=not subject.about.density)


def blurred(mass: np.ndarray, sigma: float) -> np.ndarray:
  """A picture f64[bins, bins] convolved with a round Gaussian of `sigma` cells; what leaves the picture is lost."""
  bins = len(mass)
  offsets = np.arange(1 - bins, bins)
  kernel = np.exp(-((offsets / sigma) ** 2) / 2)
  kernel /= kernel.sum()
  weights = kernel[np.arange(bins)[:, None] - np.arange(bins) + bins - 1]
  return weights @ mass @ weights.T


def _mass(subject, limits):
  """The density of the data at the middles of the cells of the picture, f64[_BINS, _BINS]."""
  if subject.about.density:
    return np.exp(np.asarray(subject.about.density(show.places(limits, _BINS)), np.float64))
  given = subject.given(1)
  repeated = _repeated(given, _DRAWN)
  x = sampler(subject.model, _DRAWN, subject.seed)(subject.params, subject.extra, repeated)
  counts, _, _ = np.histogram2d(-x[:, 1], x[:, 0], bins=_BINS, range=[[-limits, limits]] * 2)
  return blurred(counts, _SMOOTHED * _BINS)


def _arrows(subject, limits, given, sigma):
  """`sigma s`, f32[_ARROWS, _ARROWS, 2]."""
  where = show.places(limits, _ARROWS).reshape(-1, 2)
  level = jnp.full(len(where), sigma, jnp.float32)
  score = needed(subject.model.score)
  found = score(subject.params, subject.extra, where, level, _repeated(given, len(where)))
  return (sigma * found).reshape(_ARROWS, _ARROWS, 2)


def _repeated(given, num):
  """The conditions of one example, for many."""
  return given and {name: np.repeat(values, num, axis=0) for name, values in given.items()}
