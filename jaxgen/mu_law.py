"""Mu-law companding: sound of fine steps as a few codes that lie closer together where it is quiet.

ITU-T G.711 (1988) has it for telephones, in straight pieces; here is the curve itself, as in van den Oord et al.,
"WaveNet: a generative model for raw audio", 2016, section 2.2. `levels` codes cut the companded range [-1, 1] into
equal parts, and mu is levels - 1.

Every function takes arrays of NumPy or of JAX, and gives an array of the same. Their logarithms differ in the last bit,
so that a sound at the border of two codes may have either.
"""

import math
from typing import Any

from jaxgen import fields

Array = Any  # np.ndarray or jax.Array


def compress(x: Array, levels: int) -> Array:
  """sign(x) log(1 + mu |x|) / log(1 + mu): f32[...] in [-1, 1] of f32[...] in [-1, 1] (WaveNet, section 2.2)."""
  xp = x.__array_namespace__()
  return xp.sign(x) * xp.log1p((levels - 1) * xp.abs(x)) / math.log(levels)


def expand(y: Array, levels: int) -> Array:
  """sign(y) ((1 + mu)^|y| - 1) / mu, the inverse of `compress`."""
  xp = y.__array_namespace__()
  return xp.sign(y) * xp.expm1(math.log(levels) * xp.abs(y)) / (levels - 1)


def centres(codes: Array, levels: int) -> Array:
  """y = (2k + 1) / levels - 1, f32[...] in (-1, 1): the middle of the part that each code k, i[...], stands for."""
  xp = codes.__array_namespace__()
  return (2 * codes.astype(xp.float32) + 1) / levels - 1


def nearest(y: Array, levels: int) -> Array:
  """The codes of companded values f32[...], u8[...] to 256 levels and i32[...] above; what is louder than 1 is 1."""
  xp = y.__array_namespace__()
  codes = xp.floor((y + 1) * (levels / 2))
  return xp.clip(codes, 0, levels - 1).astype(fields.dtype_of(levels))


def encode(x: Array, levels: int) -> Array:
  """Sound f32[...] in [-1, 1] as codes in [0, levels), u8[...] to 256 levels and i32[...] above."""
  return nearest(compress(x, levels), levels)


def decode(codes: Array, levels: int) -> Array:
  """What codes i[...] sound like, f32[...] in (-1, 1): `encode` gives the same codes again."""
  return expand(centres(codes, levels), levels)
