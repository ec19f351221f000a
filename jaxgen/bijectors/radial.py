"""The radial flow."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given, Shape, vector
from jaxgen.bijectors.numerics.positive import positive
from jaxgen.bijectors.planar import with_conditions


class Radial(Bijector):
  """`z = x + beta (x - c) / (alpha + r)` with `r = |x - c|`: towards a centre c, or away from it.

  Rezende & Mohamed, "Variational inference with normalizing flows", 2015, equation 14, invertible if `beta > -alpha`
  (appendix A.2). Here `alpha + beta = alpha positive(s)`, at least 1e-3 alpha, and `alpha = positive(t)`; s of zero is
  the identity. With `k = alpha + beta`, and no difference that could cancel,

    log|det dz/dx| = (D - 1) log((r + k) / (alpha + r)) + log((r (r + 2 alpha) + k alpha) / (alpha + r)^2).

  The inverse has a closed form: `q = |z - c| = r (r + k) / (r + alpha)` is a quadratic equation for r.

  Shapes: `f32[B, D] -> f32[B, D]`; parameters `centre` f32[D], `s` and `t` f32[].

  Attributes:
    conditioner: None, or `zeros -> params`, and `(zeros, given) -> params` where something is given, with zeros
      f32[B, D] and params f32[B, D + 2]: what is added to c, s and t for each example.

  Raises:
    ValueError: if the conditioner returns another shape.
  """

  conditioner: Callable | None = None

  def latent_shape(self, shape: Shape) -> Shape:
    """The same shape, of a vector."""
    return vector(shape)

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, D], nearer to the centre or farther from it."""
    centre, alpha, k = self._parameters(x, given)
    r = _norm(x - centre)
    z = centre + (x - centre) * (r + k) / (r + alpha)
    return z, _log_det(r, alpha, k, x.shape[1])

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, D], back where it was."""
    centre, alpha, k = self._parameters(z, given)
    q = _norm(z - centre)
    root = jnp.sqrt((q - k) ** 2 + 4 * alpha * q)
    # r^2 + (k - q) r - alpha q = 0: of its two forms the one that adds
    r = jnp.where(q > k, (q - k + root) / 2, 2 * alpha * q / (root + jnp.abs(q - k)))
    x = centre + (z - centre) * (r + alpha) / (r + k)
    return x, -_log_det(r, alpha, k, z.shape[1])

  @nn.compact
  def _parameters(self, x, given):
    """`(c [B, D], alpha [B, 1], alpha + beta [B, 1])`."""
    vector(x.shape[1:])
    size = x.shape[1]
    zeros = nn.initializers.zeros_init()
    own = jnp.concatenate(
      [
        self.param('centre', nn.initializers.normal(1.0), (size,)),
        self.param('s', zeros, (1,)),
        self.param('t', zeros, (1,)),
      ]
    )
    centre, s, t = jnp.split(with_conditions(own, self.conditioner, x, given), [size, size + 1], axis=-1)
    alpha = positive(t)
    return centre, alpha, alpha * positive(s)


def _norm(x):
  """`|x|`, [B, D] -> [B, 1], with a derivative of 0 at 0, where it has none."""
  square = jnp.sum(x**2, -1, keepdims=True)
  return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)


def _log_det(r, alpha, k, size):
  across = jnp.log((r + k) / (r + alpha))
  along = jnp.log((r * (r + 2 * alpha) + k * alpha) / (r + alpha) ** 2)
  return ((size - 1) * across + along)[:, 0]
