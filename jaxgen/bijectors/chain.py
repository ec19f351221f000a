"""Composition of bijectors."""

from collections.abc import Sequence

import jax

from jaxgen.bijectors import log_det as log_dets
from jaxgen.bijectors.bijector import Bijector, Event, Given, Shape, shape_through


class Chain(Bijector):
  """One bijector after the other: `z = f_n(... f_2(f_1(x)))`.

  `log|det dz/dx| = sum_i log|det dh_i/dh_{i-1}|`. The first of the sequence is the nearest to the data.
  Every one of them receives the same `given`.

  Attributes:
    bijectors: of none, it is the identity.
  """

  bijectors: Sequence[Bijector]

  @property
  def constant_log_det(self) -> bool:
    return all(bijector.constant_log_det for bijector in self.bijectors)

  @property
  def has_forward(self) -> bool:
    return all(bijector.has_forward for bijector in self.bijectors)

  @property
  def has_inverse(self) -> bool:
    return all(bijector.has_inverse for bijector in self.bijectors)

  @property
  def first(self) -> Bijector:
    return next((bijector.first for bijector in self.bijectors if not bijector.rearranges), self)

  @property
  def rearranges(self) -> bool:
    return all(bijector.rearranges for bijector in self.bijectors)

  def latent_shape(self, shape: Shape) -> Shape:
    """What all bijectors make of it, the first one first."""
    for index, bijector in enumerate(self.bijectors):
      shape = shape_through(bijector, shape, f'bijectors[{index}]')
    return shape

  def data_shape(self, shape: Shape) -> Shape:
    """What all inverses make of it, that of the last one first."""
    for index, bijector in reversed(list(enumerate(self.bijectors))):
      shape = shape_through(bijector, shape, f'bijectors[{index}]', inverse=True)
    return shape

  def forward_and_log_det(self, x: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """x through all bijectors, the first one first; shapes are what they make of it."""
    log_det = log_dets.zeros(x)
    for bijector in self.bijectors:
      x, term = bijector.forward_and_log_det(x, given)
      log_det += term
    return x, log_det

  def inverse_and_log_det(self, z: Event, given: Given = None) -> tuple[Event, jax.Array]:
    """z through all inverses, that of the last one first."""
    log_det = log_dets.zeros(z)
    for bijector in reversed(self.bijectors):
      z, term = bijector.inverse_and_log_det(z, given)
      log_det += term
    return z, log_det
