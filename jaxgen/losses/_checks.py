"""What a loss asks of its arguments, looked at while it is traced: shapes alone, so that a compiled loss pays nothing.

A wrong axis broadcasts in silence, and the loss is a number all the same; here it is a sentence that names the
argument.
"""

from typing import Any

import jax.numpy as jnp


def check_same_shape(**arrays: Any) -> None:
  """All are `[B, ...]` of one shape.

  Raises:
    ValueError: naming the first that differs, or one without an axis of examples.
  """
  check_batched(**arrays)
  (first, shape), *others = ((name, jnp.shape(array)) for name, array in arrays.items())
  for name, other in others:
    if other != shape:
      raise ValueError(f'{name} has shape {other}, but {first} has {shape}: they must be of one shape.')


def check_batched(**arrays: Any) -> None:
  """All are `[B, ...]` with one number of examples B; what follows may differ.

  Raises:
    ValueError: naming the first that has no such axis, or another number of examples.
  """
  size = None
  for name, array in arrays.items():
    shape = jnp.shape(array)
    if not shape:
      raise ValueError(f'{name} is a single number; it must have a leading axis of examples.')
    size = size or (name, shape[0])
    if shape[0] != size[1]:
      raise ValueError(f'{name} has shape {shape}, but {size[0]} has {size[1]} examples.')


def check_per_example(**arrays: Any) -> None:
  """All are one number per example, `[B]`, with one B.

  Raises:
    ValueError: naming the first that is not.
  """
  check_batched(**arrays)
  check_rank(1, **arrays)


def check_broadcasts(to: Any, **arrays: Any) -> None:
  """All are numbers or arrays that broadcasting against `to` does not make larger than that.

  Raises:
    ValueError: naming the first that does.
  """
  shape = jnp.shape(to)
  for name, array in arrays.items():
    own = jnp.shape(array)
    fits = len(own) <= len(shape) and all(a in (1, b) for a, b in zip(own[::-1], shape[::-1], strict=False))
    if not fits:
      raise ValueError(f'{name} has shape {own}, which does not broadcast to {shape}.')


def check_rank(rank: int, **arrays: Any) -> None:
  """All have `rank` axes.

  Raises:
    ValueError: naming the first that has more or fewer.
  """
  for name, array in arrays.items():
    if jnp.ndim(array) != rank:
      raise ValueError(f'{name} must be of rank {rank}, not of shape {jnp.shape(array)}.')
