"""Uniform dequantization: from grey levels to a density."""

import jax
import jax.numpy as jnp

from jaxgen.bijectors import log_det
from jaxgen.bijectors.bijector import Bijector, Given


class UniformDequantization(Bijector):
  """`z = (x + u) / levels` with `u ~ U[0, 1)`, from the random stream 'dequantization'.

  The one convention of this package (Theis et al., "A note on the evaluation of generative models", section
  3.1): the density of `z` on the unit cube is what a flow models. The log-determinant is `-log q(u | x) = 0`,
  in the units of that density; the code length in bits follows by `jaxgen.metrics.bits_per_dim`. The inverse
  is `x = floor(levels z)`, with what lies outside the cube taken to its border. Noise is kept so far below 1 that
  `x + u` is not rounded to the next whole number, see `highest`.

  Shapes: `uint8[B, ...] -> f32[B, ...]`; int32 above 256 levels.

  Attributes:
    levels: the number of values.
  """

  levels: int

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x whole numbers [B, ...] -> a point of its cell, f32[B, ...], and zeros f32[B]."""
    noise = jax.random.uniform(self.make_rng('dequantization'), x.shape, jnp.float32)
    return (x.astype(jnp.float32) + jnp.minimum(noise, highest(self.levels))) / self.levels, log_det.zeros(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...] -> the whole number of its cell, uint8 up to 256 levels and int32 above."""
    x = jnp.clip(jnp.floor(z * self.levels), 0, self.levels - 1)
    return x.astype(jnp.uint8 if self.levels <= 256 else jnp.int32), log_det.zeros(z)


def highest(levels: int) -> float:
  """Up to where float32 keeps noise within its cell: `floor((x + u) / levels * levels)` is x, for x below `levels`."""
  return 1 - levels / 2**22
