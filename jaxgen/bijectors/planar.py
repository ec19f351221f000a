"""The planar flow."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given, Shape, nothing, vector
from jaxgen.bijectors.log_det import dtype
from jaxgen.bijectors.numerics.positive import positive
from jaxgen.bijectors.numerics.roots import increasing_root

_TINY = 1e-12  # what |w|^2 is large beside, where w has a direction


class Planar(Bijector):
  """`z = x + u tanh(w x + b)`: one push along u, across a plane.

  Rezende & Mohamed, "Variational inference with normalizing flows", 2015, equation 10. The log-determinant is
  `log(1 + (w u) h')` with `h' = 1 - tanh(w x + b)^2` (equations 11 and 12), written as `log((1 + w u) h' + 1 - h')`,
  whose terms are positive.

  It is invertible if `w u > -1` (appendix A.1). So the parameter u is moved along w: `w u` becomes `positive(w u) - 1`,
  a softplus that is at least 1e-3 - 1, and shifted so that u of zero is the identity; in the paper it is not. The
  inverse is one equation for `a = w x`, `a + (w u) tanh(a + b) = w z`, with a within `|w u|` of `w z`, which is solved
  to the last digits (see `increasing_root`).

  Shapes: `f32[B, D] -> f32[B, D]`; parameters `u` and `w` f32[D], `b` f32[].

  Attributes:
    conditioner: None, or `zeros -> params`, and `(zeros, given) -> params` where something is given, with zeros
      f32[B, D] and params f32[B, 2 D + 1]: what is added to u, w and b for each example.

  Raises:
    ValueError: if the conditioner returns another shape.
  """

  conditioner: Callable | None = None

  def latent_shape(self, shape: Shape) -> Shape:
    """The same shape, of a vector."""
    return vector(shape)

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, D], pushed."""
    u, w, b, slope = self._parameters(x, given)
    shift = jnp.tanh(_dot(w, x) + b)
    return x + u * shift[:, None], _log_det(slope, shift)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, D], pushed back."""
    u, w, b, slope = self._parameters(z, given)
    along, reach = _dot(w, z), jnp.abs(slope - 1)
    a = increasing_root(lambda a: a + (slope - 1) * jnp.tanh(a + b) - along, along - reach, along + reach)
    shift = jnp.tanh(a + b)
    return z - u * shift[:, None], -_log_det(slope, shift)

  @nn.compact
  def _parameters(self, x, given):
    """`(u [B, D], w [B, D], b [B], 1 + w u [B])`, after the constraint."""
    vector(x.shape[1:])
    size = x.shape[1]
    own = jnp.concatenate(
      [
        self.param('u', nn.initializers.zeros_init(), (size,)),
        self.param('w', nn.initializers.normal(1.0), (size,)),
        self.param('b', nn.initializers.zeros_init(), (1,)),
      ]
    )
    u, w, b = jnp.split(with_conditions(own, self.conditioner, x, given), [size, 2 * size], axis=-1)
    along, square = _dot(w, u), _dot(w, w)
    slope = positive(along)
    # Layers that are not needed shrink until w has no direction; with a w u near 0 they are invertible as they are.
    held = square / (square + _TINY)
    change = (slope - 1 - along) / (square + _TINY)
    return u + change[:, None] * w, w, b[:, 0], held * slope + (1 - held) * (1 + along)


def with_conditions(own: jax.Array, conditioner: Callable | None, x: jax.Array, given: Given) -> jax.Array:
  """The parameters of each example: a layer's own, f32[K], and what its conditioner adds to them; [B, K].

  Raises:
    ValueError: if the conditioner returns another shape.
  """
  own = jnp.broadcast_to(own.astype(dtype(x)), (x.shape[0], own.shape[0]))
  if conditioner is None:
    return own
  zeros = jnp.zeros_like(x)
  added = conditioner(zeros) if nothing(given) else conditioner(zeros, given)
  if added.shape != own.shape:
    raise ValueError(f'the conditioner returned shape {added.shape}, not {own.shape}.')
  return own + added


def _log_det(slope, shift):
  squared = shift**2
  return jnp.log(slope * (1 - squared) + squared)


def _dot(a, b):
  return jnp.sum(a * b, -1)
