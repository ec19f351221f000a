"""Space to depth."""

import jax

from jaxgen.bijectors import log_det
from jaxgen.bijectors.bijector import Bijector, Given, Shape, image


class Squeeze(Bijector):
  """Turns blocks of `factor x factor` pixels into channels; it keeps volumes.

  `f32[B, H, W, C] -> f32[B, H / factor, W / factor, factor^2 C]` (Dinh et al., "Density estimation using
  Real NVP", section 3.6).

  Attributes:
    factor: at least 1; it must divide height and width.

  Raises:
    ValueError: if it is less, or does not divide them.
  """

  factor: int = 2

  def __post_init__(self):
    if self.factor < 1:
      raise ValueError(f'factor={self.factor} is no side of a block of pixels: it must be at least 1.')
    super().__post_init__()

  @property
  def constant_log_det(self) -> bool:
    return True

  @property
  def rearranges(self) -> bool:
    return True

  def latent_shape(self, shape: Shape) -> Shape:
    """(H, W, C) -> (H / factor, W / factor, factor^2 C)."""
    h, w, c = image(shape)
    f = self.factor
    if h % f or w % f:
      raise ValueError(f'{f} does not divide the height and width of an image of shape {shape}.')
    return h // f, w // f, f * f * c

  def data_shape(self, shape: Shape) -> Shape:
    """(H, W, C) -> (factor H, factor W, C / factor^2)."""
    h, w, c = image(shape)
    f = self.factor
    if c % (f * f):
      raise ValueError(f'{f * f} does not divide the channels of an array of shape {shape}.')
    return h * f, w * f, c // (f * f)

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, H, W, C] -> f32[B, H / factor, W / factor, factor^2 C]."""
    h, w, channels = self.latent_shape(x.shape[1:])
    f = self.factor
    z = x.reshape(-1, h, f, w, f, x.shape[-1]).transpose(0, 1, 3, 2, 4, 5)
    return z.reshape(-1, h, w, channels), log_det.zeros(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, H, W, C] -> f32[B, factor H, factor W, C / factor^2]."""
    height, width, c = self.data_shape(z.shape[1:])
    f = self.factor
    x = z.reshape(-1, height // f, width // f, f, f, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, height, width, c), log_det.zeros(z)
