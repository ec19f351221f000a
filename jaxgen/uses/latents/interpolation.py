"""Interpolation: from one example to another through the latents; the condition stays."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import show
from jaxgen.uses.subject import Subject, TooFew, Written, needed

_PAIRS, _STAGES = 8, 10
_OPPOSITE = -0.99  # cosine; the weights of the sphere reach 1 / sin(angle), here 7


def run(subject: Subject) -> Written:
  """`interpolation.png`: a row per pair, between examples of the split or, without an encoder, draws of the prior; of
  text the lines of one pair after the other, as a file too.

  Both ends have the condition of the first, so that with an encoder they are reconstructions.

  Raises:
    TooFew: if the split has one example alone.
  """
  model, rng = subject.model, subject.rng('interpolation')
  if model.encode:
    first, second, given = _ends_of_examples(subject, rng)
  else:
    latents = jax.jit(needed(model.latents), static_argnums=3)(subject.params, subject.extra, rng, 2 * _PAIRS)
    first, second = (jax.tree.map(lambda leaf, part=part: leaf[part::2], latents) for part in (0, 1))
    given = subject.given(_PAIRS)
  between = jax.jit(interpolate, static_argnums=2)(first, second, _STAGES)
  stays = given and {name: np.concatenate([value] * _STAGES) for name, value in given.items()}
  x = np.asarray(jax.jit(needed(model.decode))(subject.params, subject.extra, between, stays))
  x = x.reshape(_STAGES, -1, *subject.field.shape).swapaxes(0, 1).reshape(-1, *subject.field.shape)
  stem = subject.folder / 'interpolation'
  return Written(tuple(show.save(x, subject.field, stem, subject.about, _STAGES)))


def interpolate(first: Any, second: Any, num: int) -> Any:
  """`num` points on the way from one pytree of latents, `[B, ...]`, to another: leaves `[num * B, ...]`.

  The way is that of White, "Sampling generative networks" (2016): along the sphere, since Gaussian latents of many
  dimensions lie near one and the straight line leaves it. Between nearly opposite latents no way along the sphere is
  the shortest, and its weights grow without bound: there it is straight.
  """
  flat = lambda tree: jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(tree)], -1)  # noqa: E731
  a, b = flat(first), flat(second)
  cosine = jnp.sum(a * b, -1) / jnp.maximum(jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1), 1e-12)
  opposite = cosine < _OPPOSITE
  angle = jnp.arccos(jnp.clip(cosine, -1 + 1e-6, 1 - 1e-6))

  def weight(t):
    return jnp.where(opposite, t, jnp.sin(t * angle) / jnp.sin(angle))

  def between(leaf_a, leaf_b):
    shape = (-1,) + (1,) * (leaf_a.ndim - 1)
    at = [
      leaf_a * weight(1 - t).reshape(shape) + leaf_b * weight(t).reshape(shape)
      for t in np.linspace(0, 1, num)
    ]
    return jnp.concatenate(at)

  return jax.tree.map(between, first, second)


def _ends_of_examples(subject, rng):
  """The latents of two examples per pair under the condition of the first, and that condition."""
  batch = subject.examples(2 * _PAIRS)
  pairs = len(batch['x']) // 2
  if not pairs:
    raise TooFew(f'an interpolation needs two examples, and the split "{subject.split}" has one.')
  first = {name: value[:pairs] for name, value in batch.items()}
  given = subject.given_of(first)
  second = {name: value[pairs : 2 * pairs] for name, value in batch.items()} | (given or {})
  encode = jax.jit(needed(subject.model.encode))
  ends = [encode(subject.params, subject.extra, rng, end) for end in (first, second)]
  return *ends, given
