"""Which part of an example a coupling keeps and which it moves.

A mask is a pair of pure functions. `split(x) -> (kept, moved)`: the conditioner sees `kept`, the
transform is applied to `moved`. `merge(kept, moved) -> x` puts them together again; what it drops of
`moved` counts neither in the result nor in the log-determinant.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


class Mask(NamedTuple):
  """Which part of an example a coupling looks at, and which it moves.

  Attributes:
    split: `x -> (kept, moved)`.
    merge: `(kept, moved) -> x`.
    check: raises a ValueError if the mask does not fit an example of this shape.
  """

  split: Callable[[jax.Array], tuple[jax.Array, jax.Array]]
  merge: Callable[[jax.Array, jax.Array], jax.Array]
  check: Callable[[tuple[int, ...]], None] = lambda shape: None


def halves(swap: bool = False) -> Mask:
  """Keeps the first half of the last axis, moves the second; the other way round with `swap`.

  `f32[B, ..., C] -> (f32[B, ..., C // 2], f32[B, ..., C - C // 2])`. The conditioner sees channels only where
  there are any, so a coupling costs half of one with a binary mask.
  """

  def split(x):
    _check_channels(x.shape[1:])
    first, second = jnp.split(x, [x.shape[-1] // 2], axis=-1)
    return (second, first) if swap else (first, second)

  def merge(kept, moved):
    return jnp.concatenate([moved, kept] if swap else [kept, moved], axis=-1)

  return Mask(split, merge, _check_channels)


def alternating(swap: bool = False) -> Mask:
  """Keeps entries 0, 2, 4, ... of the last axis and moves 1, 3, 5, ...; the other way round with `swap`.

  The partition of Dinh et al., "NICE", section 5: neighbours of a flattened image stand on different sides.
  `f32[B, ..., C] -> (f32[B, ..., (C + 1) // 2], f32[B, ..., C // 2])`.
  """

  def split(x):
    _check_channels(x.shape[1:])
    first, second = x[..., ::2], x[..., 1::2]
    return (second, first) if swap else (first, second)

  def merge(kept, moved):
    first, second = (moved, kept) if swap else (kept, moved)
    num = first.shape[-1] + second.shape[-1]
    order = np.argsort(np.concatenate([np.arange(0, num, 2), np.arange(1, num, 2)]))
    return jnp.concatenate([first, second], axis=-1)[..., order]

  return Mask(split, merge, _check_channels)


def binary(keep: np.ndarray) -> Mask:
  """Keeps the elements where `keep` is true and moves the others, without changing any shape.

  `keep` is bool, of the shape of an example or one that broadcasts to it. The conditioner sees zeros in
  place of what moves (Dinh et al., "Density estimation using Real NVP", equation 9).

  Raises:
    ValueError: if it is not bool, or is computed while a function is traced: a mask is a constant; and of what is
      split, if it is of another shape.
  """
  if isinstance(keep, Tracer):
    raise ValueError('a mask is a constant: make it with numpy, outside of the function that jax traces.')
  keep = np.asarray(keep)
  if keep.dtype != bool:
    raise ValueError(
      f'a mask must be bool, not {keep.dtype}; write keep > 0.5, or what else is meant by kept.'
    )

  def check(shape):
    if keep.ndim > len(shape) or any(
      size not in (1, wanted) for size, wanted in zip(keep.shape[::-1], shape[::-1], strict=False)
    ):
      raise ValueError(f'a mask of shape {keep.shape} does not fit an example of shape {shape}.')

  def split(x):
    check(x.shape[1:])
    return jnp.where(keep, x, 0), x

  return Mask(split, lambda kept, moved: jnp.where(keep, kept, moved), check)


def checkerboard(height: int, width: int, parity: int = 0) -> Mask:
  """Keeps the pixels whose row and column sum to an even number; with parity 1 the others.

  Dinh et al., "Density estimation using Real NVP", figure 3. For `f32[B, height, width, C]`.
  """
  rows, columns = np.indices((height, width))
  return binary(((rows + columns) % 2 == parity)[..., None])


def nothing() -> Mask:
  """Moves everything; the conditioner sees zeros, and `given` where there is something.

  It makes a coupling of a learned location and scale: the prior of a flow.
  """
  return Mask(lambda x: (jnp.zeros_like(x), x), lambda kept, moved: moved)


def _check_channels(shape):
  if shape[-1] < 2:
    raise ValueError(f'a coupling needs at least 2 channels to split, not shape {shape}.')
