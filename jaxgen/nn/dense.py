"""Linen's `Dense`, as a product of two matrices."""

import math
from typing import Any

import flax.linen as nn
from jax import lax


def _product(x, kernel, dimension_numbers, **how):
  """`lax.dot_general` of f32[..., C] and f32[C, F], with the signature through which Linen calls it."""
  del dimension_numbers  # the last axis of x and the first of the kernel
  rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
  y = lax.dot_general(rows, kernel, (((1,), (0,)), ((), ())), **how)
  return y.reshape(*x.shape[:-1], kernel.shape[-1])


class Dense(nn.Dense):
  """`flax.linen.Dense` for inputs of any rank: f32[..., C] -> f32[..., features]; parameters and values are Linen's.

  The gradient of the kernel is a sum over all leading axes. Where there are several, XLA takes up to three times as
  long for it on a CPU as over one.
  """

  dot_general: Any = _product
