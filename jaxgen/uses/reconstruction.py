"""Reconstructions: what comes back of examples that are encoded and decoded under their own conditions."""

from collections.abc import Callable

import jax
import numpy as np

from jaxgen import keys, show
from jaxgen.types import GenerativeModel
from jaxgen.uses.subject import Subject, Written, needed


def reconstructor(model: GenerativeModel, seed: int = 0) -> Callable[..., jax.Array]:
  """A function `(params, extra, batch) -> x[B, *shape]`, compiled once: `decode(encode(batch))`.

  It raises a `ValueError` if the model cannot do both.
  """
  rng = keys.of(seed, 'reconstruction')

  @jax.jit
  def reconstruct(params, extra, batch):
    encode, decode = needed(model.encode), needed(model.decode)
    given = {name: batch[name] for name in model.given} or None
    return decode(params, extra, encode(params, extra, rng, batch), given)

  return reconstruct


def run(subject: Subject) -> Written:
  """`reconstruction.png`: examples of the split with what comes back of each beneath."""
  batch = subject.examples(subject.num)
  again = reconstructor(subject.model, subject.seed)(subject.params, subject.extra, batch)
  groups: list[np.ndarray | jax.Array] = [show.with_gaps(batch, subject.field), again]
  drawn = show.compared(groups, subject.field, subject.about, ('examples', 'reconstructions'))
  return Written((subject.save_picture('reconstruction', drawn),))
