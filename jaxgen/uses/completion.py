"""Completion: what is missing of an example, drawn given what is there; a prompt of text, continued."""

import functools
from collections.abc import Mapping

import jax
import numpy as np

from jaxgen import show
from jaxgen.types import Field
from jaxgen.uses.subject import Subject, Written, needed

_DRAWS = 2


def run(subject: Subject) -> Written:
  """`completion_half` and `completion_quarter`, of which so much of each example of the split is hidden.

  Beneath each example stands what the model saw of it, and two draws. With a prompt: `continuation`, as many as
  samples, which begin with it.
  """
  if subject.prompt is not None:
    return _continuation(subject)
  batch, written = subject.examples(subject.num), []
  for name, share in (('half', 2), ('quarter', 4)):
    seen = observed(subject.field, share)
    draws = [_complete(subject, batch, seen, index) for index in range(_DRAWS)]
    titles = 'examples', 'seen', *['completed'] * _DRAWS
    originals = show.with_gaps(batch, subject.field)
    groups = [originals, np.where(seen, originals, _blank(subject.field)).astype(originals.dtype), *draws]
    drawn = show.compared(groups, subject.field, subject.about, titles)
    written.append(subject.save_picture(f'completion_{name}', drawn))
    if show.KINDS[subject.field.kind].save:  # what is read is also written whole
      stem = subject.folder / f'completion_{name}_drawn'
      written += show.save(draws[0], subject.field, stem, subject.about)[1:]
  return Written(tuple(written))


def observed(field: Field, share: int) -> np.ndarray:
  """Which entries of an example are there, bool[*shape], when one part in `share` is hidden.

  Of images the lower half or the lower right quarter is hidden, of all else the end.
  """
  seen = np.ones(field.shape, bool)
  if field.kind == 'image':
    height, width = field.shape[:2]
    seen[height - height // 2 :, 0 if share == 2 else width - width // 2 :] = False
  else:
    seen.reshape(-1)[seen.size - max(1, seen.size // share) :] = False
  return seen


def _continuation(subject):
  field, tokens = subject.field, subject.prompt
  x = np.zeros((subject.num, *field.shape), tokens.dtype)
  x[:, : len(tokens)] = tokens
  batch = {'x': x, **(subject.given(subject.num) or {})}
  drawn = _complete(subject, batch, np.arange(field.shape[0]) < len(tokens), 0)
  return Written(tuple(show.save(drawn, field, subject.folder / 'continuation', subject.about)))


def _complete(subject: Subject, batch: Mapping[str, np.ndarray], seen: np.ndarray, index: int) -> np.ndarray:
  """A draw for each example. What is hidden does not reach the model."""
  field_dtype = batch['x'].dtype
  x = np.where(seen, batch['x'], 0).astype(field_dtype)
  rng = jax.random.fold_in(subject.rng('completion'), index)
  mask = np.broadcast_to(seen, x.shape)
  taken = {name: value for name, value in subject.knobs.items() if name in subject.model.completion_knobs}
  complete = jax.jit(functools.partial(needed(subject.model.complete), **taken))
  return np.asarray(complete(subject.params, subject.extra, rng, {**batch, 'x': x}, mask))


def _blank(field):
  """What stands for an entry that is hidden: grey, nothing in a table, or 0."""
  return {'image': field.levels // 2, 'table': np.nan}.get(field.kind, 0)
