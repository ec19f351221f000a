"""Coupling: part of the input decides how the rest is transformed."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Bijector, Given, Shape, nothing, one_array
from jaxgen.bijectors.log_det import sum_over_event
from jaxgen.bijectors.masks import Mask
from jaxgen.bijectors.transforms import Transform


class Coupling(Bijector):
  """`(kept, moved) = split(x)`; `z = merge(kept, transform(moved; conditioner(kept)))`.

  Dinh et al., "Density estimation using Real NVP", equations 7 and 8. The inverse evaluates the
  conditioner too, never inverts it. `log|det dz/dx|` is the sum of the transform's log-derivatives over
  what moved.

  Attributes:
    conditioner: `kept -> params`, or `(kept, given) -> params` where something is given; a Linen module or any
      other callable. `params` has `transform.num_params` channels for every channel that moves.
    transform: see `jaxgen.bijectors.transforms`.
    mask: see `jaxgen.bijectors.masks`.

  Raises:
    ValueError: if the mask does not fit, or the conditioner returns another number of channels.
  """

  conditioner: Callable
  transform: Transform
  mask: Mask

  @property
  def constant_log_det(self) -> bool:
    return self.transform.keeps_volume

  def latent_shape(self, shape: Shape) -> Shape:
    """The same shape, one that the mask fits."""
    self.mask.check(one_array(shape))
    return shape

  def forward_and_log_det(self, x: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """x f32[B, ..., C] with what moves transformed by parameters computed from what is kept."""
    return self._apply(self.transform.forward, x, given)

  def inverse_and_log_det(self, z: jax.Array, given: Given = None) -> tuple[jax.Array, jax.Array]:
    """z f32[B, ..., C] with what moved transformed back: what is kept gives the same parameters."""
    return self._apply(self.transform.inverse, z, given)

  def _apply(self, transform, x, given):
    kept, moved = self.mask.split(x)
    params = self.conditioner(kept) if nothing(given) else self.conditioner(kept, given)
    wanted = (*moved.shape[:-1], self.transform.num_params * moved.shape[-1])
    if params.shape != wanted:
      raise ValueError(f'the conditioner of a coupling returned shape {params.shape}, not {wanted}.')
    moved, log_derivative = transform(moved, params.astype(x.dtype))
    log_derivative = self.mask.merge(jnp.zeros_like(kept), log_derivative)
    return self.mask.merge(kept, moved), sum_over_event(log_derivative)
