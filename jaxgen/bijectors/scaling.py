"""The scaling layer of NICE."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.bijectors.log_det import dtype, sum_over_event


class Scaling(Bijector):
  """A learned positive scale for every entry (Dinh et al., "NICE", section 3.3): `z = exp(s) x`.

  `log|det dz/dx| = sum(s)`. Behind additive couplings, which keep volumes, it tells directions that vary from such as
  do not.

  Shapes: `f32[B, *S] -> f32[B, *S]`; parameter `log_scale` f32[*S], which starts at zero.
  """

  @property
  def constant_log_det(self) -> bool:
    return True

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, *S] -> `exp(s) x`."""
    return self._scaled(x, 1)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, *S] -> `exp(-s) z`."""
    return self._scaled(z, -1)

  @nn.compact
  def _scaled(self, x, sign):
    log_scale = self.param('log_scale', nn.initializers.zeros_init(), x.shape[1:])
    log_scale = sign * log_scale.astype(dtype(x))
    return x * jnp.exp(log_scale), sum_over_event(jnp.broadcast_to(log_scale, x.shape))
