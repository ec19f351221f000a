"""Space to depth."""

import jax

from jaxgen.bijectors import log_det
from jaxgen.bijectors.bijector import Bijector, Given


class Squeeze(Bijector):
  """Turns blocks of `factor x factor` pixels into channels; it keeps volumes.

  `f32[B, H, W, C] -> f32[B, H / factor, W / factor, factor^2 C]` (Dinh et al., "Density estimation using
  Real NVP", section 3.6).

  Attributes:
    factor: it must divide height and width.

  Raises:
    ValueError: if it does not.
  """

  factor: int = 2

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, H, W, C] -> f32[B, H / factor, W / factor, factor^2 C]."""
    b, h, w, c = x.shape
    f = self.factor
    if h % f or w % f:
      raise ValueError(f'{f} does not divide the height and width of an image of shape {x.shape[1:]}.')
    z = x.reshape(b, h // f, f, w // f, f, c).transpose(0, 1, 3, 2, 4, 5)
    return z.reshape(b, h // f, w // f, f * f * c), log_det.zeros(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, H, W, C] -> f32[B, factor H, factor W, C / factor^2]."""
    b, h, w, c = z.shape
    f = self.factor
    if c % (f * f):
      raise ValueError(f'{f * f} does not divide the channels of an array of shape {z.shape[1:]}.')
    x = z.reshape(b, h, w, f, f, c // (f * f)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * f, w * f, c // (f * f)), log_det.zeros(z)
