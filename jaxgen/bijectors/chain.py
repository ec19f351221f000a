"""Composition of bijectors."""

from collections.abc import Sequence

import flax.linen as nn

from jaxgen.bijectors import log_det as log_dets


class Chain(nn.Module):
  """One bijector after the other: `z = f_n(... f_2(f_1(x)))`.

  `log|det dz/dx| = sum_i log|det dh_i/dh_{i-1}|`. The first of the sequence is the nearest to the data.
  Every one of them receives the same `cond`.

  Attributes:
    bijectors: of none, it is the identity.
  """

  bijectors: Sequence[nn.Module]

  def forward_and_log_det(self, x, cond=None):
    log_det = log_dets.zeros(x)
    for bijector in self.bijectors:
      x, term = bijector.forward_and_log_det(x, cond)
      log_det += term
    return x, log_det

  def inverse_and_log_det(self, z, cond=None):
    log_det = log_dets.zeros(z)
    for bijector in reversed(self.bijectors):
      z, term = bijector.inverse_and_log_det(z, cond)
      log_det += term
    return z, log_det
