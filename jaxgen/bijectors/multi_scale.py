"""Multi-scale architecture: half of the channels leave after every level."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgen.bijectors import log_det as log_dets
from jaxgen.bijectors.bijector import Bijector, Given, Shape, shape_through


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

  @property
  def constant_log_det(self) -> bool:
    return all(level.constant_log_det for level in self.levels)

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

  @property
  def first(self) -> Bijector:
    return next((level.first for level in self.levels if not level.rearranges), self)

  @property
  def rearranges(self) -> bool:
    return all(level.rearranges for level in self.levels)

  def latent_shape(self, shape: Shape) -> Shape:
    """The shapes of the latents, that of the first level first: (H, W, C) -> ((H_1, W_1, C_1 / 2), ...).

    Raises:
      ValueError: if a level cannot take its shape, or returns an odd number of channels to split.
    """
    *inner, last = self.levels
    latents = []
    for index, level in enumerate(inner):
      layer = f'levels[{index}]'
      *sides, channels = returned = shape_through(level, shape, layer)
      if not isinstance(channels, int) or channels % 2:
        raise ValueError(
          f'{layer} ({type(level).__name__}): it returns shape {returned}, whose channels cannot be split into two '
          'halves: it must be one array with an even number of them.'
        )
      shape = (*sides, channels // 2)
      latents.append(shape)
    return (*latents, shape_through(last, shape, f'levels[{len(inner)}]'))

  def data_shape(self, shape: Shape) -> Shape:
    """The shapes of the latents -> (H, W, C).

    Raises:
      ValueError: if there are not as many latents as levels, or those of a level do not fit to what stays.
    """
    if len(shape) != len(self.levels):
      raise ValueError(f'{len(self.levels)} levels have as many latents, not those of shapes {shape}.')
    *inner, last = self.levels
    stays = shape_through(last, shape[-1], f'levels[{len(inner)}]', inverse=True)
    for index, level in reversed(list(enumerate(inner))):
      layer = f'levels[{index}]'
      if stays != shape[index]:
        raise ValueError(
          f'{layer} ({type(level).__name__}): latents of shape {shape[index]} leave it, and {stays} stays: they must '
          'be of one shape.'
        )
      stays = shape_through(level, (*stays[:-1], 2 * stays[-1]), layer, inverse=True)
    return stays

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
