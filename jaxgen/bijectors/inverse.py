"""A bijector read backwards."""

import jax

from jaxgen.bijectors.bijector import Bijector, Event, Given, Shape, shape_through


class Inverse(Bijector):
  """Exchanges the directions of a bijector: `z = f^{-1}(x)`.

  Attributes:
    bijector: `f`.
  """

  bijector: Bijector

  @property
  def constant_log_det(self) -> bool:
    return self.bijector.constant_log_det

  @property
  def rearranges(self) -> bool:
    return self.bijector.rearranges

  @property
  def has_forward(self) -> bool:
    return self.bijector.has_inverse

  @property
  def has_inverse(self) -> bool:
    return self.bijector.has_forward

  def latent_shape(self, shape: Shape) -> Shape:
    """What the bijector's own inverse makes of it."""
    return shape_through(self.bijector, shape, 'bijector', inverse=True)

  def data_shape(self, shape: Shape) -> Shape:
    """What the bijector's own forward direction makes of it."""
    return shape_through(self.bijector, shape, 'bijector')

  def forward_and_log_det(self, x: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """The bijector's own inverse."""
    return self.bijector.inverse_and_log_det(x, given)

  def inverse_and_log_det(self, z: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """The bijector's own forward direction."""
    return self.bijector.forward_and_log_det(z, given)
