"""Multi-scale architecture: half of the channels leave after every level."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgen.bijectors import log_det as log_dets
from jaxgen.bijectors.bijector import Bijector, Given


class MultiScale(Bijector):
  """`h_i, z_i = split(f_i(h_{i-1}))` with `h_0 = x`; the latents are the tuple `(z_1, ..., z_L)`.

  Dinh et al., "Density estimation using Real NVP", section 3.6, equations 13 to 15. The second half of the
  channels leaves as `z_i`, the first goes on to the next level; the last level's output leaves whole.
  `log|det d(z_1, ..., z_L)/dx|` is the sum over the levels. A level that ends in a coupling of `z_i` upon `h_i`
  gives `z_i` a prior that depends on `h_i`.

  Attributes:
    levels: at least one bijector; all but the last return an even number of channels.

  Raises:
    ValueError: if there is none.
  """

  levels: Sequence[Bijector]

  def __post_init__(self):
    if not self.levels:
      raise ValueError('a multi-scale flow needs at least one level.')
    super().__post_init__()

  @property
  def has_forward(self) -> bool:
    return all(level.has_forward for level in self.levels)

  @property
  def has_inverse(self) -> bool:
    return all(level.has_inverse for level in self.levels)

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[tuple[jax.Array, ...], jax.Array]:
    """x f32[B, ..., C] -> a tuple of latents, that of the first level first."""
    *inner, last = self.levels
    latents, log_det = [], log_dets.zeros(x)
    for level in inner:
      x, term = level.forward_and_log_det(x, given)
      x, z = jnp.split(x, 2, axis=-1)
      latents.append(z)
      log_det += term
    x, term = last.forward_and_log_det(x, given)
    return (*latents, x), log_det + term

  def inverse_and_log_det(self, z: tuple[jax.Array, ...], given: Given = None) -> tuple[jax.Array, jax.Array]:
    """The tuple of latents -> f32[B, ..., C]."""
    *inner, last = self.levels
    x, log_det = last.inverse_and_log_det(z[-1], given)
    for level, latent in zip(reversed(inner), reversed(z[:-1]), strict=True):
      x, term = level.inverse_and_log_det(jnp.concatenate([x, latent], axis=-1), given)
      log_det += term
    return x, log_det
