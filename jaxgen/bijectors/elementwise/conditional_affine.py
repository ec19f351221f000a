"""A scale and a shift that depend on the conditions alone."""

from collections.abc import Callable

from jaxgen.bijectors import masks, transforms
from jaxgen.bijectors.coupling import Coupling


def conditional_affine(conditioner: Callable, bound: float = 10.0) -> Coupling:
  """`z = (x + shift(given)) exp(bound tanh(s(given) / bound))`, for each class its own, say.

  It is a coupling that keeps nothing, so that its conditioner sees zeros and `given`. The log-determinant is the sum
  of the logarithms of the scales.

  Args:
    conditioner: `(zeros f32[B, ..., C], given) -> f32[B, ..., 2 C]`, the shifts and then s; without conditions it is
      called with the zeros alone.
    bound: of the logarithm of the scale.
  """
  return Coupling(conditioner, transforms.affine(transforms.bounded_log_scale(bound)), masks.nothing())
