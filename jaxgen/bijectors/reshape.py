"""Another shape for the same numbers."""

import math

import jax

from jaxgen.bijectors import log_det
from jaxgen.bijectors.bijector import Bijector, Given, Shape


class Reshape(Bijector):
  """The numbers of an example in row-major order, in another shape; it keeps volumes.

  `f32[B, *data] -> f32[B, *latents]`. `Reshape((28, 28, 1), (784,))` flattens images.

  Attributes:
    data: the shape of an example.
    latents: the shape that it gets, of as many numbers.

  Raises:
    ValueError: if the shapes have different sizes, or an example is of another one.
  """

  data: tuple[int, ...]
  latents: tuple[int, ...]

  @property
  def constant_log_det(self) -> bool:
    return True

  @property
  def rearranges(self) -> bool:
    return True

  def __post_init__(self):
    if math.prod(self.data) != math.prod(self.latents):
      raise ValueError(f'shape {tuple(self.data)} has not as many numbers as shape {tuple(self.latents)}.')
    super().__post_init__()

  def latent_shape(self, shape: Shape) -> Shape:
    """`latents`, for an example of the shape `data`."""
    return self._other(shape, self.data, self.latents)

  def data_shape(self, shape: Shape) -> Shape:
    """`data`, for latents of the shape `latents`."""
    return self._other(shape, self.latents, self.data)

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, *data] -> f32[B, *latents]."""
    return x.reshape(len(x), *self._other(x.shape[1:], self.data, self.latents)), log_det.zeros(x)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, *latents] -> f32[B, *data]."""
    return z.reshape(len(z), *self._other(z.shape[1:], self.latents, self.data)), log_det.zeros(z)

  def _other(self, shape, expected, other):
    if tuple(shape) != tuple(expected):
      raise ValueError(f'a reshape of examples of shape {tuple(expected)} does not fit shape {tuple(shape)}.')
    return tuple(other)
