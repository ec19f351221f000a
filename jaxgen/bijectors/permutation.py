"""Fixed permutations of the channels."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.bijectors import log_det
from jaxgen.bijectors.bijector import Bijector, Given, Shape, one_array


class Permutation(Bijector):
  """`z[..., i] = x[..., order[i]]`; it keeps volumes.

  Attributes:
    order: a permutation of `range(C)`.

  Raises:
    ValueError: if it is none, or has another length than the input has channels.
  """

  order: Sequence[int]

  @property
  def constant_log_det(self) -> bool:
    return True

  @property
  def rearranges(self) -> bool:
    return True

  def __post_init__(self):
    if sorted(self.order) != list(range(len(self.order))):
      raise ValueError(f'{tuple(self.order)} is not a permutation.')
    super().__post_init__()

  def latent_shape(self, shape: Shape) -> Shape:
    """The same shape, of as many channels as there are in the order."""
    if one_array(shape)[-1] != len(self.order):  # jnp.take would drop channels, or fill them with nan
      raise ValueError(
        f'a permutation of {len(self.order)} channels does not fit an example of shape {shape}.'
      )
    return shape

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ..., C] with its channels in the new order."""
    return self._take(x, np.asarray(self.order)), log_det.zeros(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ..., C] with its channels in the old order."""
    return self._take(z, np.argsort(self.order)), log_det.zeros(z)

  def _take(self, x, order):
    self.latent_shape(x.shape[1:])
    return jnp.take(x, order, axis=-1)


class Reverse(Bijector):
  """`z[..., i] = x[..., C - 1 - i]`, the permutation of Real NVP's channel-wise layers; it keeps volumes."""

  @property
  def constant_log_det(self) -> bool:
    return True

  @property
  def rearranges(self) -> bool:
    return True

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ..., C] with its channels from the last to the first."""
    return x[..., ::-1], log_det.zeros(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ..., C] with its channels from the last to the first."""
    return z[..., ::-1], log_det.zeros(z)
