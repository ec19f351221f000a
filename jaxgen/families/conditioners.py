"""Networks that compute the parameters of couplings: what is kept, and the conditions -> parameters of what moves."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.bijectors.bijector import Given
from jaxgen.families.conditions import flat, joined
from jaxgen.nn import Conv


class MLP(nn.Module):
  """`num_layers` hidden layers; the last layer starts at zero. `f32[B, D] (, given) -> f32[B, features]`."""

  width: int
  num_layers: int
  features: int

  @nn.compact
  def __call__(self, x: jax.Array, given: Given = None) -> jax.Array:
    """x f32[B, D] and all conditions, flattened, side by side."""
    h = joined(x, given or {})
    for _ in range(self.num_layers):
      h = nn.gelu(nn.Dense(self.width)(h))
    return nn.Dense(self.features, kernel_init=nn.initializers.zeros_init())(h)


class Convolutions(nn.Module):
  """`num_layers` hidden 3x3 convolutions and a last one that starts at zero.

  `f32[B, H, W, C] (, given) -> f32[B, H, W, features]`. Conditions that are images of the same sides are further
  channels; all others enter the first layer, the same at every position.
  """

  width: int
  num_layers: int
  features: int

  @nn.compact
  def __call__(self, x: jax.Array, given: Given = None) -> jax.Array:
    """x f32[B, H, W, C] and the conditions, `{name: f32[B, ...]}`."""
    given = given or {}
    images = {name: value for name, value in given.items() if value.shape[:-1] == x.shape[:-1]}
    others = {name: value for name, value in given.items() if name not in images}
    h = jnp.concatenate([x, *(value.astype(x.dtype) for value in images.values())], axis=-1)
    h = Conv(self.width, (3, 3))(h)
    if others:
      h += nn.Dense(self.width, use_bias=False)(flat(others))[:, None, None]
    for _ in range(self.num_layers - 1):
      h = Conv(self.width, (3, 3))(nn.gelu(h))
    return Conv(self.features, (3, 3), kernel_init=nn.initializers.zeros_init())(nn.gelu(h))
