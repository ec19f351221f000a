"""Completion: what is missing of an example, drawn given what is there; a prompt of text, continued."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxgen import fields, samplers, show
from jaxgen.errors import printable_lines
from jaxgen.types import Field
from jaxgen.uses import asked, surprise
from jaxgen.uses.subject import Subject, Written, needed

_DRAWS = 2
_SHARES = {'half': 2, 'quarter': 4}  # one part in so many is hidden
_SQUARES = {'detail': 2, 'detail_4': 4}  # pixels a side of those whose means are seen

# Of examples: which entries are there, bool[*shape], or the projection to what is seen, f32[B, *shape].
Seen = np.ndarray | Callable[[jax.Array], jax.Array]


def run(subject: Subject) -> Written:
  """`completion_half` and `completion_quarter`, of which so much of each example of the split is hidden; of images
  `completion_centre` too. Where it is said what is hidden, that instead: see `asked.hidden`.

  Beneath each example stands what the model saw of it, and two draws. With a prompt: `continuation`, as many as
  samples, which begin with it; the first is printed while it is made, where the model can.

  Raises:
    UserError: if nothing can be completed with these knobs.
  """
  asked.check_completion(subject.model, subject.params, subject.extra, subject.spec, subject.knobs)
  if subject.prompt is not None:
    return _continuation(subject)
  batch, written = subject.examples(subject.num), []
  parts = observed(subject.field)
  everything: dict[str, Seen] = {**parts, **projections(subject.field)}
  for name in subject.hidden or parts:
    seen = everything[name]
    draws = [_complete(subject, batch, seen, index) for index in range(_DRAWS)]
    titles = 'examples', 'seen', *['completed'] * _DRAWS
    originals = show.with_gaps(batch, subject.field)
    groups = [originals, _shown(originals, seen, subject.field), *draws]
    drawn = show.compared(groups, subject.field, subject.about, titles)
    written.append(subject.save_picture(f'completion_{name}', drawn))
    if show.KINDS[subject.field.kind].save:  # what is read is also written whole
      stem = subject.folder / f'completion_{name}_drawn'
      written += show.save(draws[0], subject.field, stem, subject.about)[1:]
  return Written(tuple(written))


def observed(field: Field) -> dict[str, np.ndarray]:
  """Which entries of an example are there, bool[*shape], by the name of what is hidden.

  Of images the lower half, the lower right quarter or the middle of half the sides is hidden, of all else half or a
  quarter at the end.
  """
  if field.kind == 'image':
    height, width = field.shape[:2]
    low, right = slice(height - height // 2, None), slice(width - width // 2, None)
    middle = slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)
    hidden: dict[str, Any] = {'half': low, 'quarter': (low, right), 'centre': middle}
    return {name: _without(field.shape, part) for name, part in hidden.items()}
  size = math.prod(field.shape)
  ends = {name: slice(size - max(1, size // share), None) for name, share in _SHARES.items()}
  return {name: _without(size, end).reshape(field.shape) for name, end in ends.items()}


def projections(field: Field) -> dict[str, Callable[[jax.Array], jax.Array]]:
  """What is seen of a whole image where one of its aspects is hidden, by the name of that: `colour` (colourization, of
  several channels the mean), `detail` and `detail_4` (super-resolution, the means of squares of 2 and of 4 pixels a
  side)."""
  if field.kind != 'image':
    return {}
  height, width, channels = field.shape
  found: dict[str, Any] = {'colour': samplers.grey} if channels > 1 else {}
  for name, side in _SQUARES.items():
    if height % side == width % side == 0:
      found[name] = functools.partial(samplers.coarse, factor=side)
  return found


def _shown(x, seen, field):
  """Examples [B, *shape] with what a model sees of them, as a picture has it."""
  if not callable(seen):
    return np.where(seen, x, _blank(field)).astype(x.dtype)
  found = np.asarray(seen(x.astype(np.float32)))
  return (np.rint(found) if field.levels else found).astype(x.dtype)


def _continuation(subject):
  field, tokens = subject.field, subject.prompt
  length = max(field.shape[0], len(tokens))  # a prompt beyond the context is one of the knob `length`
  x = np.zeros((subject.num, length), tokens.dtype)
  x[:, : len(tokens)] = tokens
  given = subject.given(subject.num)
  seen = np.arange(length) < len(tokens)
  told = _Told(subject.about) if subject.model.streams else None
  drawn = _complete(subject, {'x': x, **(given or {})}, seen, 0, **({'tell': told} if told else {}))
  if told:
    told.end()
  written = show.save(drawn, field, subject.folder / 'continuation', subject.about)
  return Written((*written, *surprise.save(subject, drawn, given, 'continuation')), told=bool(told))


class _Told:
  """Prints the first of several texts while it is made, to its end."""

  def __init__(self, about: show.About):
    self._speller, self._next = show.Speller(about.decode, about.in_parts), 0
    self._come: dict[int, int] = {}
    self._end, self._ended = about.end, False

  def __call__(self, index: np.ndarray, values: np.ndarray) -> None:
    self._come[int(index)] = int(values[0])
    while self._next in self._come:  # they may come in any order, and from each device
      token = self._come[self._next]
      self._ended = self._ended or token == self._end
      if not self._ended:
        print(printable_lines(self._speller.add(token)), end='', flush=True)
      self._next += 1

  def end(self) -> None:
    """Prints what waits for tokens that do not come, and ends the line."""
    print(printable_lines(self._speller.rest()), flush=True)


def _complete(
  subject: Subject, batch: Mapping[str, np.ndarray], seen: Seen, index: int, **others: Any
) -> np.ndarray:
  """A draw for each example. What a mask hides does not reach the model; of what a projection hides, no model looks."""
  rng = jax.random.fold_in(subject.rng('completion'), index)
  taken = {name: value for name, value in subject.knobs.items() if name in subject.model.completion_knobs}
  if subject.prompt is None:  # an example that is completed is as long as it is
    taken.pop('length', None)
  complete = functools.partial(needed(subject.model.complete), **taken, **others)
  if callable(seen):
    by_projection = jax.jit(functools.partial(complete, observed=seen))
    return np.asarray(by_projection(subject.params, subject.extra, rng, batch))
  if fields.is_padded(subject.spec):  # how long an example is would tell what is hidden
    batch = {name: value for name, value in batch.items() if name != fields.OBSERVED}
  x = np.where(seen, batch['x'], 0).astype(batch['x'].dtype)
  mask = np.broadcast_to(seen, x.shape)
  drawn = np.asarray(jax.jit(complete)(subject.params, subject.extra, rng, {**batch, 'x': x}, mask))
  jax.effects_barrier()  # all has been told
  return drawn


def _without(shape, part):
  seen = np.ones(shape, bool)
  seen[part] = False
  return seen


def _blank(field):
  """What stands for an entry that is hidden: grey, silence, nothing in a table, or 0."""
  middle = field.levels // 2
  return {'image': middle, 'audio': middle, 'table': np.nan}.get(field.kind, 0)
