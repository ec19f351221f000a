"""Samples: what a model draws, with what was given."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxgen import keys, parallel, show
from jaxgen.metrics import pitch
from jaxgen.types import DataSpec, GenerativeModel
from jaxgen.uses import archive, surprise
from jaxgen.uses.subject import Subject, Written, needed

_SEEN = ('image', 'mask')  # conditions of these kinds are shown beside the samples


def sampler(
  model: GenerativeModel, num: int, seed: int = 0, knobs: Mapping[str, float] | None = None
) -> Callable[..., np.ndarray]:
  """A function `(params, extra, given=None) -> x[num, *shape]`, compiled once, from the same latents each time.

  Args:
    model: any.
    num: of samples.
    seed: of their latents.
    knobs: values in place of the defaults of `model.knobs`.
  """
  function = functools.partial(needed(model.sample), **knobs) if knobs else needed(model.sample)
  draw = parallel.shared_work(function, static_argnums=(3,))  # jax knows a function again, a `partial` never
  rng = keys.of(seed, 'samples')

  def sample(params: Any, extra: Any, given: Mapping[str, Any] | None = None) -> np.ndarray:
    return np.asarray(draw(*parallel.on_all_devices((params, extra)), rng, num, given))

  return sample


def run(subject: Subject) -> Written:
  """`samples.png`, text as a file and as a page in colours too, sounds as a file and with the surprise of each sample,
  and `samples.npz`: x, all that was given, the step. The record says which pitch sounds have of which it was given."""
  given = subject.given(subject.num)
  draw = sampler(subject.model, subject.num, subject.seed, subject.knobs)
  x = draw(subject.params, subject.extra, given)
  array, spec = subject.folder / 'samples.npz', {name: subject.spec[name] for name in ('x', *(given or ()))}
  archive.write(array, spec, {'x': x, **(given or {})}, step=int(subject.trained.state.step))
  written = show.save(x, subject.field, subject.folder / 'samples', subject.about)
  written += surprise.save(subject, x, given, 'samples')
  if given and any(subject.spec[name].kind in _SEEN for name in given):
    drawn = with_conditions(x, given, subject.spec, subject.about)
    show.save_png(drawn, subject.folder / 'samples.png')
  return Written((*written, array), _pitches(subject, x, given))


def _pitches(subject, x, given):
  """The pitch that was asked of each sound and the one that it has, Hz, where pitches are given; None of no pitch."""
  if subject.field.kind != 'audio' or 'pitch' not in (given or {}):
    return {}
  pitches = subject.source('train').pitches
  if pitches is None or not pitch.long_enough(subject.field.shape[0], subject.about.rate, pitches):
    return {}
  heard = pitch.of_sounds(x, subject.field.levels, subject.about.rate, pitches)
  asked = pitches[np.asarray(given['pitch'])]
  return {
    'median_pitch_error_cents': float(np.median(pitch.distance(heard, asked))),
    'asked_hz': [round(value, 2) for value in asked.tolist()],
    'heard_hz': [round(value, 2) if np.isfinite(value) else None for value in heard.tolist()],
  }


def with_conditions(
  x: np.ndarray, given: Mapping[str, np.ndarray] | None, spec: DataSpec, about: show.About
) -> np.ndarray:
  """Samples, and beside them what was given where that can be looked at; uint8[height, width, 3]."""
  seen = {name: value for name, value in (given or {}).items() if spec[name].kind in _SEEN}
  drawn = show.picture(x, spec['x'], about)
  if not seen:
    return drawn
  conditions = [show.picture(value, spec[name], about) for name, value in seen.items()]
  return show.titled_row([*conditions, drawn], [*(f'given {name}' for name in seen), 'samples'])
