"""Attribute vectors: what the latents of a class have that those of others lack, added to and taken from examples."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import show
from jaxgen.uses.latents.vectors import flat, unflat
from jaxgen.uses.subject import Subject, TooFew, Written, needed

_MOST = 5000  # training examples, whose latents are averaged
_STRENGTHS = np.linspace(-2, 2, 9)
_ROWS = 10  # at most
_EXAMPLES = 8  # of one attribute
_SEARCHED = 1000  # examples of the split among which those that are shown are found


class Row(NamedTuple):
  """One attribute, shown on one example.

  Attributes:
    attribute: the class.
    less: the class that it is the difference from; None: all others together.
    place: of the example in the split, which is of the other class.
  """

  attribute: int
  less: int | None
  place: int


def applies(subject: Subject) -> bool:
  """Whether examples have a label that the model is not given: of one that is given the latents know nothing."""
  label = subject.spec.get('label')
  return label is not None and not label.shape and 'label' not in subject.model.given


def run(subject: Subject) -> Written:
  """`attributes.png`: examples of the split, their latents moved along the vector of a class, from strength -2 to 2.

  The vector of a class is the mean latent of its training examples less the mean of all others (Kingma & Dhariwal,
  "Glow", 2018, section 5), or of another class: `--attribute=3,8` is 3 less 8, so that at strength 1 the mean of 8
  becomes that of 3. Rows are the classes, each on an example of another one; or examples, where an attribute is asked
  for. Strength 0 is the reconstruction.

  Raises:
    TooFew: if the training split has no example of a class, or the split none to show it on.
  """
  latents, labels = _of_training_examples(subject)
  rows = _rows(subject, labels)
  vectors = np.stack([vector(latents, labels, row.attribute, row.less) for row in rows])
  batch = subject.source(subject.split).examples(np.array([row.place for row in rows]))
  x = _moved(subject, batch, vectors)
  titles = [f'{strength:+g}' if strength else '0' for strength in _STRENGTHS]
  columns = [subject.picture(column, 1) for column in x]
  path = subject.save_picture('attributes', show.titled_row(columns, titles))
  own = np.asarray(batch['label']).tolist()
  return Written(
    (path,),
    {
      'means_of': 'train',
      'examples_per_class': np.bincount(labels, minlength=subject.spec['label'].levels).tolist(),
      'strengths': _STRENGTHS.tolist(),
      'rows': [{**row._asdict(), 'label': label} for row, label in zip(rows, own, strict=True)],
      'norms': np.linalg.norm(vectors, axis=1).tolist(),
    },
  )


def vector(latents: np.ndarray, labels: np.ndarray, attribute: int, less: int | None = None) -> np.ndarray:
  """The mean of the latents f32[N, D] of one class less that of all others, or of the class `less`: f32[D].

  Raises:
    TooFew: if there are none of either.
  """
  there = labels == attribute
  others = ~there if less is None else labels == less
  if not there.any() or not others.any():
    missing = f'class {attribute}' if not there.any() else 'others' if less is None else f'class {less}'
    raise TooFew(
      f'an attribute vector needs training examples of either side, and there are none of {missing}.'
    )
  return latents[there].mean(0) - latents[others].mean(0)


def _of_training_examples(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
  """The latents f32[N, D] and the labels i64[N] of training examples."""
  encode, source = needed(subject.model.encode), subject.source('train')

  def encoded(params: Any, extra: Any, rng: jax.Array, batch: Any) -> tuple[jax.Array, jax.Array]:
    return flat(encode(params, extra, rng, batch)), batch['label']

  places = subject.spread('train', _MOST)
  latents, labels = subject.per_example(encoded, subject.rng('attributes'), source, places)
  return latents, labels.astype(int)


def _rows(subject: Subject, trained: np.ndarray) -> list[Row]:
  """Which attributes, on which examples: of the classes that the training examples have, or what was asked for."""
  places = subject.spread(subject.split, _SEARCHED)
  labels = np.asarray(subject.source(subject.split).examples(places)['label']).astype(int)
  if subject.attribute:
    attribute, less = subject.attribute[0], next(iter(subject.attribute[1:]), None)
    found = places[labels != attribute if less is None else labels == less][:_EXAMPLES]
    rows = [Row(attribute, less, int(place)) for place in found]
  else:
    rows = []
    for index, attribute in enumerate(np.unique(trained)[:_ROWS].tolist()):
      others = places[labels != attribute]
      rows += [Row(attribute, None, int(place)) for place in others[index % max(1, len(others)) :][:1]]
  if not rows:
    raise TooFew(f'an attribute is shown on examples that lack it, and the split "{subject.split}" has none.')
  return rows


def _moved(subject: Subject, batch: Any, vectors: np.ndarray) -> np.ndarray:
  """Examples `[B, ...]` along vectors f32[B, D], x[strengths, B, *shape]."""
  model, to_tree = subject.model, unflat(subject)
  given = subject.given_of(batch)

  @jax.jit
  def move(params, extra, rng, batch, strength):
    start = flat(needed(model.encode)(params, extra, rng, batch))
    return needed(model.decode)(params, extra, to_tree(start + strength * vectors), given)

  weights, rng = (subject.params, subject.extra), subject.rng('attributes')
  return np.stack([np.asarray(move(*weights, rng, batch, jnp.float32(strength))) for strength in _STRENGTHS])
