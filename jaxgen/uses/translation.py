"""Translation: from an image that is given to the image that is modelled, or from one domain to another and back."""

import functools
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from jaxgen import fields, show
from jaxgen.types import Field
from jaxgen.uses.subject import Subject, Written, needed

_MOST = 500  # examples that the error is of


def source_field(subject: Subject) -> str:
  """The field that is translated from: the first image that is given; empty where there is none."""
  if subject.field.kind != 'image':
    return ''
  return next((name for name in subject.model.given if subject.spec[name].kind == 'image'), '')


def has_two_domains(subject: Subject) -> bool:
  """Whether `encode` carries x to y, by what it gives, and `decode` y to x."""
  other, model = subject.spec.get('y'), subject.model
  if other is None or 'y' in model.given or not (model.encode and model.decode):
    return False
  there = jax.tree.leaves(subject.shapes_of_latents())
  return [(leaf.shape, leaf.dtype) for leaf in there] == [((1, *other.shape), fields.dtype(other))]


def run(subject: Subject) -> Written:
  """`translation.png`: what is given, its translation and the truth, or both directions and their cycles.

  The error of a translation against the truth is the root of the mean square, entries in [0, 1], with the standard
  error of its mean over the examples of the split, and beside it the mean absolute error; between domains there is one
  where one is the twin of the other, and the error of the cycle always.
  """
  return _of_given(subject) if source_field(subject) else _of_domains(subject)


def errors(x: np.ndarray, truth: np.ndarray, field: Field) -> dict[str, float]:
  """`{'error': mean over the examples, 'standard_error': of that mean, 'absolute_error': mean, 'examples': N}`."""
  difference = (np.asarray(x, np.float64) - np.asarray(truth, np.float64)) / max(1, field.levels - 1)
  each = np.sqrt((difference**2).reshape(len(difference), -1).mean(1))
  return {
    'error': float(each.mean()),
    'standard_error': float(each.std() / np.sqrt(len(each))),
    'absolute_error': float(np.abs(difference).mean()),
    'examples': len(each),
  }


def _of_given(subject):
  name = source_field(subject)
  places = subject.spread(subject.split, _MOST)

  sample = functools.partial(needed(subject.model.sample), **subject.knobs)

  def translated(params, extra, rng, batch):
    x = sample(params, extra, rng, len(batch['x']), subject.given_of(batch))
    return {'x': x, 'truth': batch['x'], 'given': batch[name]}

  found = subject.per_example(translated, subject.rng('samples'), subject.source(subject.split), places)
  shown = {key: value[: subject.num] for key, value in found.items()}
  pictures = {'given': (shown['given'], subject.spec[name]), 'translated': (shown['x'], subject.field)}
  path = _draw(subject, pictures | {'truth': (shown['truth'], subject.field)})
  return Written((path,), errors(found['x'], found['truth'], subject.field))


def _of_domains(subject):
  spec, encode, decode = subject.spec, needed(subject.model.encode), needed(subject.model.decode)

  def carried(params, extra, rng, batch):
    there = encode(params, extra, rng, batch)
    back, from_y = (decode(params, extra, latents, None) for latents in (there, batch['y']))
    return {'x': batch['x'], 'x to y': there, 'and back': back, 'y': batch['y'], 'y to x': from_y}

  places = subject.spread(subject.split, _MOST)
  found = subject.per_example(carried, subject.rng('reconstruction'), subject.source(subject.split), places)
  of = {'x': 'x', 'x to y': 'y', 'and back': 'x', 'y': 'y', 'y to x': 'x'}  # whose fields these are, as shown
  path = _draw(subject, {name: (found[name][: subject.num], spec[field]) for name, field in of.items()})
  measured = {'cycle': 'and back'}
  if subject.trained.config.data.twin:  # then examples at one place are pairs, whatever training has seen
    measured |= {'x_to_y': 'x to y', 'y_to_x': 'y to x'}
  found_errors = {
    name: errors(found[which], found[of[which]], spec[of[which]]) for name, which in measured.items()
  }
  return Written(
    (path,), {f'{name}_{key}': value for name, error in found_errors.items() for key, value in error.items()}
  )


def _draw(subject: Subject, pictures: Mapping[str, tuple[Sequence, Field]]):
  drawn = [show.picture(np.asarray(x), field, subject.about) for x, field in pictures.values()]
  return subject.save_picture('translation', show.titled_row(drawn, list(pictures)))
