"""What every transform is."""

from collections.abc import Callable
from typing import NamedTuple

import jax


class Transform(NamedTuple):
  """An elementwise map whose parameters a conditioner computes.

  Attributes:
    forward: `(x, params) -> (z, log|dz/dx|)`, from the data to the latents: f32[B, ..., C] each, in nats.
    inverse: `(z, params) -> (x, log|dx/dz|)`, the way back.
    num_params: numbers per element. `params` is f32[B, ..., num_params * C] for x f32[B, ..., C], in blocks along the
      last axis: the first parameter of all channels, then the second of all.
    keeps_volume: whether `log|dz/dx|` is 0 everywhere.
    is_affine: whether z is a scale times x and a shift, each of the parameters alone.
  """

  forward: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
  inverse: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
  num_params: int
  keeps_volume: bool = False
  is_affine: bool = False
