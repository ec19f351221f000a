"""Elementwise maps whose parameters a conditioner computes; `Transform` is what they all are."""

from jaxgen.bijectors.transforms.additive import additive
from jaxgen.bijectors.transforms.affine import (
  affine,
  bounded_log_scale,
  floored_sigmoid_log_scale,
  location_scale,
  sigmoid_log_scale,
)
from jaxgen.bijectors.transforms.rational_quadratic import rational_quadratic
from jaxgen.bijectors.transforms.transform import Transform

__all__ = [
  'Transform',
  'additive',
  'affine',
  'bounded_log_scale',
  'floored_sigmoid_log_scale',
  'location_scale',
  'rational_quadratic',
  'sigmoid_log_scale',
]
