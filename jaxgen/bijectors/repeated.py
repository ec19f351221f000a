"""The same bijector several times over, each with parameters of its own."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given
from jaxgen.computing import loop_body


class Repeated(Bijector):
  """`num` copies of `bijector`, one after the other: `nn.scan` over stacked parameters.

  Every variable has a leading axis of length `num`. Initialization goes through the scan too: a copy that
  looks at the data sees what the copies before it, already initialized, have made of it. One copy is traced
  and compiled, whatever `num` is; written out, a Glow of 32 steps a level took ten times as long to its
  first step, and was no faster after it.

  Attributes:
    bijector: one that returns the shape that it receives.
    num: at least 1.
  """

  bijector: Bijector
  num: int

  @property
  def has_forward(self) -> bool:
    return self.bijector.has_forward

  @property
  def has_inverse(self) -> bool:
    return self.bijector.has_inverse

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ...] through all copies, the first one first."""
    return self._scan('forward_and_log_det', x, given, reverse=False)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ...] through the inverses of all copies, that of the last one first."""
    return self._scan('inverse_and_log_det', z, given, reverse=True)

  def _scan(self, method, x, given, reverse):
    def body(bijector, carry, _):
      x, log_det = carry
      x, term = getattr(bijector, method)(x, given)
      return (x, log_det + term), None

    scan = nn.scan(
      loop_body(body),
      variable_axes={True: 0},
      split_rngs={True: True},
      length=self.num,
      reverse=reverse,
    )
    start = (x, jnp.zeros(x.shape[0], jnp.float32))
    return scan(self.bijector, start, None)[0]
