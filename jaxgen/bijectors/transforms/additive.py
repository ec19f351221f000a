"""A shift."""

import jax.numpy as jnp

from jaxgen.bijectors.transforms.transform import Transform


def additive() -> Transform:
  """`z = x + shift` (Dinh et al., "NICE", section 3.2): it keeps volumes."""
  return Transform(
    forward=lambda x, shift: (x + shift, jnp.zeros_like(x)),
    inverse=lambda z, shift: (z - shift, jnp.zeros_like(z)),
    num_params=1,
    keeps_volume=True,
    is_affine=True,
  )
