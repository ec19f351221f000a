"""Conditions: what a family makes of the fields that are given before its networks see them."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxgen.families.pixels import to_network
from jaxgen.types import Batch, DataSpec, Field, PRNGKey


def prepared(batch: Batch, given: DataSpec) -> dict[str, jax.Array]:
  """The given fields of a batch as networks take them, in the order of their names; empty where nothing is given.

  That is the order which JAX gives a mapping wherever it takes one apart (`jax.tree.map`, rematerialization): networks
  lay conditions side by side, and no other order would stay.

  Labels become one-hot, f32[B, classes]; images, audio and vectors f32[B, *shape], in [-1, 1] where they are discrete;
  masks f32 of 0 and 1; tokens stay i32[B, T].

  Raises:
    ValueError: if the batch lacks one of them, or has it in another shape.
  """
  return {name: _prepared(name, batch, given[name]) for name in sorted(given)}


def to_sample(
  rng: PRNGKey, num: int, values: Mapping[str, jax.Array] | None, given: DataSpec
) -> dict[str, jax.Array]:
  """The conditions of `num` samples as networks take them: what is asked for, or classes drawn uniformly.

  Args:
    rng: draws the classes.
    num: the number of samples.
    values: `{name: [num, *shape]}` as the data layer gives them, of every field in `given`; None for labels at random.
    given: the fields that are conditions.

  Raises:
    ValueError: if something is asked of a field that is no condition, a field is missing that cannot be drawn, or there
      are not `num` examples of it.
  """
  values = dict(values or {})
  if strange := values.keys() - given.keys():
    raise ValueError(
      f'this model was trained without {", ".join(sorted(strange))}, so it can follow no such condition.'
    )
  for index, (name, field) in enumerate(given.items()):
    if name in values:
      continue
    if field.kind != 'label':
      raise ValueError(f'this model needs {name}, the {field.kind} that its samples are conditioned on.')
    values[name] = jax.random.randint(jax.random.fold_in(rng, index), (num, *field.shape), 0, field.levels)
  for name, value in values.items():
    if jnp.shape(value)[:1] != (num,):
      raise ValueError(f'{num} samples need as many of {name}, not an array of shape {jnp.shape(value)}.')
  return prepared(values, given)


def blank(given: DataSpec, num: int = 1) -> dict[str, jax.Array]:
  """Conditions of zeros, from which a network can tell their shapes."""
  return prepared({name: jnp.zeros((num, *field.shape), jnp.int32) for name, field in given.items()}, given)


def joined(x: jax.Array, given: Mapping[str, jax.Array]) -> jax.Array:
  """f32[B, D] and all conditions, flattened, side by side."""
  return jnp.concatenate([x, flat(given).astype(x.dtype)], axis=-1) if given else x


def beside(x: jax.Array, given: Mapping[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
  """An image f32[B, H, W, C] with the conditions of its height and width behind its channels, and all others."""
  alike = {name: value for name, value in given.items() if value.shape[:-1] == x.shape[:-1]}
  others = {name: value for name, value in given.items() if name not in alike}
  return jnp.concatenate([x, *(value.astype(x.dtype) for value in alike.values())], axis=-1), others


def flat(given: Mapping[str, jax.Array]) -> jax.Array:
  """All conditions, of which there is at least one, flattened, side by side: f32[B, K]."""
  return jnp.concatenate([value.reshape(value.shape[0], -1) for value in given.values()], axis=-1)


def _prepared(name: str, batch: Batch, field: Field) -> jax.Array:
  if name not in batch:
    raise ValueError(
      f'a model that is conditioned on {name} needs batches that have it, and this one has not.'
    )
  value = jnp.asarray(batch[name])
  if value.shape[1:] != field.shape:
    raise ValueError(f'{name} must be of shape [B, *{field.shape}], not {value.shape}.')
  if field.kind == 'label':
    return jax.nn.one_hot(value, field.levels, dtype=jnp.float32)
  if field.kind == 'tokens':
    return value.astype(jnp.int32)
  if field.kind == 'mask':
    return value.astype(jnp.float32)
  return to_network(value, field.levels).astype(jnp.float32)
