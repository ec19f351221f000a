"""Class conditions: what a family makes of labels before its networks see them."""

import jax
import jax.numpy as jnp

from jaxgen.types import Batch, PRNGKey


def given_by(classes: int) -> tuple[str, ...]:
  """The keys of a batch that are conditions, `jaxgen.types.Estimate.given`."""
  return ('label',) if classes else ()


def condition(batch: Batch, classes: int) -> jax.Array | None:
  """The labels of a batch as f32[B, classes], one-hot; None for a model without classes.

  Raises:
    ValueError: if the model has classes and the batch no labels.
  """
  if not classes:
    return None
  if 'label' not in batch:
    raise ValueError(f'a model of {classes} classes needs labels, and this batch has none.')
  return jax.nn.one_hot(batch['label'], classes, dtype=jnp.float32)


def condition_to_sample(rng: PRNGKey, num: int, label: jax.Array | None, classes: int) -> jax.Array | None:
  """The condition of `num` samples: the labels asked for, or classes drawn uniformly where there are none.

  Returns:
    f32[num, classes], or None for a model without classes.

  Raises:
    ValueError: if labels are asked of a model without classes, or there are not `num` of them.
  """
  if not classes:
    if label is not None:
      raise ValueError('this model was trained without labels, so it cannot sample a class.')
    return None
  if label is None:
    label = jax.random.randint(rng, (num,), 0, classes)
  if jnp.shape(label) != (num,):
    raise ValueError(f'{num} samples need labels of shape ({num},), not {jnp.shape(label)}.')
  return jax.nn.one_hot(label, classes, dtype=jnp.float32)
