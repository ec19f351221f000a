"""What each level of a hierarchy of latents holds: those above it are an example's, it and those below are drawn."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.uses.latents.vectors import flat, unflat
from jaxgen.uses.subject import Subject, Written, needed

_EXAMPLES, _DRAWS = 3, 8


def run(subject: Subject) -> Written:
  """`levels.png`: a block of rows for each of three examples of the split, which stands in front.

  In the first row of a block all latents are the example's, so that it is its reconstruction; in every next one a level
  more is drawn of the prior, the lowest first, and in the last all are. What stays the same within a row is what the
  levels above hold. The condition stays.
  """
  model, levels = subject.model, subject.model.levels
  examples = subject.examples(_EXAMPLES)
  num, rows = len(examples['x']), len(levels) + 1
  kept = flat(jax.jit(needed(model.encode))(subject.params, subject.extra, subject.rng('levels'), examples))
  draw = jax.jit(needed(model.latents), static_argnums=3)
  drawn = flat(draw(subject.params, subject.extra, subject.rng('levels'), num * _DRAWS))
  below = np.arange(kept.shape[1]) < np.array([0, *itertools.accumulate(levels)])[:, None]  # bool[rows, D]
  mixed = jnp.where(below[None, :, None], drawn.reshape(num, 1, _DRAWS, -1), kept[:, None, None])
  given = subject.given_of(examples)
  stays = given and {name: np.repeat(value, rows * _DRAWS, axis=0) for name, value in given.items()}
  latents = unflat(subject)(mixed.reshape(-1, kept.shape[1]))
  x = np.asarray(jax.jit(needed(model.decode))(subject.params, subject.extra, latents, stays))
  x = x.reshape(num, rows, _DRAWS, *subject.field.shape)
  front = np.broadcast_to(examples['x'][:, None, None], (num, rows, 1, *subject.field.shape))
  shown = np.concatenate([front, x], 2).reshape(-1, *subject.field.shape)
  picture = subject.save_picture('levels', subject.picture(shown, 1 + _DRAWS))
  return Written((picture,), {'levels': list(levels)})
