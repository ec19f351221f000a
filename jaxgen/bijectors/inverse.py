"""A bijector read backwards."""

import flax.linen as nn


class Inverse(nn.Module):
  """Exchanges the directions of a bijector: `z = f^{-1}(x)`.

  Attributes:
    bijector: `f`.
  """

  bijector: nn.Module

  def forward_and_log_det(self, x, cond=None):
    return self.bijector.inverse_and_log_det(x, cond)

  def inverse_and_log_det(self, z, cond=None):
    return self.bijector.forward_and_log_det(z, cond)
